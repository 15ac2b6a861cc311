/**
 * The tasks of deno.json: none asks for a permission, and each that is for users is shown somewhere and run here.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { KNOWN_COMMANDS } from "./known_commands.ts";

const ROOT = resolve(import.meta.dirname!, "../..");
const { tasks } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as {
  tasks: Record<string, { command: string }>;
};
/** Those of contributors have all permissions, or run no program of ours. */
const ofUsers = Object.keys(tasks).filter((name) =>
  /\bdeno run /.test(tasks[name]!.command) && !/ -A /.test(tasks[name]!.command) &&
  !name.startsWith("install")
);

describe("tasks", () => {
  test("of users are those that the suite is about", () => {
    expect(ofUsers.toSorted()).toEqual([
      "backfill",
      "broker",
      "demo",
      "extract",
      "ingest",
      "parse",
      "rebuild",
      "replay",
      "start",
      "status",
    ]);
  });

  test.each(Object.entries(tasks).filter(([, { command }]) => !/ -A |^deno fmt/.test(command)))(
    "%s never asks for a permission",
    (_name, { command }) => expect(command).toContain("deno run --no-prompt "),
  );

  test.each(ofUsers)("%s is shown in the documentation, and run as it is shown", (name) => {
    const shown = KNOWN_COMMANDS.filter(({ command }) =>
      new RegExp(`\\btask ${name}( |$)`).test(command)
    );
    expect(shown).not.toEqual([]);
  });
});
