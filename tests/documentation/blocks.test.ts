import { expect, test } from "vitest";
import { commandsOf } from "./blocks.ts";

test("commands of a block", () => {
  const text = [
    "# a comment",
    "one -- --all      # why",
    "",
    "A=1 B=2 \\",
    "  two 'x # y'   # of it",
    `three "#$A"#b`,
  ].join("\n");
  expect(commandsOf({ page: "p", line: 10, language: "sh", text })).toEqual([
    { page: "p", line: 12, text: "one -- --all" },
    { page: "p", line: 14, text: "A=1 B=2 two 'x # y'" },
    { page: "p", line: 16, text: `three "#$A"#b` },
  ]);
});
