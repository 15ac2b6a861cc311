/**
 * The tasks of deno.json: none asks for a permission, and each task for users is documented and run here.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { KNOWN_COMMANDS } from "./known_commands.ts";

const ROOT = resolve(import.meta.dirname!, "../..");
const { tasks } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as {
  tasks: Record<string, { command: string }>;
};
/** Contributors' tasks have all permissions, or do not run a program of this project. */
const ofUsers = Object.keys(tasks).filter((name) =>
  /\bdeno run /.test(tasks[name]!.command) && !/ -A /.test(tasks[name]!.command) &&
  !name.startsWith("install")
);

describe("tasks", () => {
  test("for users are exactly those that the suite covers", () => {
    expect(ofUsers.toSorted()).toEqual([
      "backfill",
      "backup",
      "broker",
      "demo",
      "extract",
      "ingest",
      "log",
      "parse",
      "rebuild",
      "replay",
      "restore",
      "start",
      "status",
    ]);
  });

  test.each(Object.entries(tasks).filter(([, { command }]) => !/ -A |^deno fmt/.test(command)))(
    "%s never asks for a permission",
    (_name, { command }) => expect(command).toContain("deno run --no-prompt "),
  );

  test.each(ofUsers)("%s is documented, and run as documented", (name) => {
    const shown = KNOWN_COMMANDS.filter(({ command }) =>
      new RegExp(`\\btask ${name}( |$)`).test(command)
    );
    expect(shown).not.toEqual([]);
  });
});
