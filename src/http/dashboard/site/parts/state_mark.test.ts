import { expect, test } from "vitest";
import { shownState, stateOf } from "./state_mark.js";

const file = { for: "file", file: "a", attempt: 1, attempts: 3, reason: "cut", retry_at: "" };

test.each([
  ["running", null, "running"],
  ["running", file, "waiting"],
  ["requested", { for: "run", run_id: "r" }, "queued"],
  ["reading", { attempt: 1, attempts: 3, reason: "cut", retry_at: "" }, "waiting"],
])("%s, waiting for %j: %s", (state, waiting, shown) => {
  expect(shownState({ state, waiting })).toBe(shown);
  expect(stateOf(shown).word).not.toBe(shown);
});
