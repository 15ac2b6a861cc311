/**
 * A task of deno.json in its parts, for tests that start the program without a shell around it: with the task's own permissions,
 * no others, and its limits of allocator and heap (docs/decisions/0013-memory.md).
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);
const { tasks } = JSON.parse(readFileSync(new URL("deno.json", ROOT), "utf8")) as {
  tasks: Record<string, { command: string }>;
};

/** How Deno is started for a task. */
export interface TaskCommand {
  /** What the task sets in the environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Deno's arguments, `run` and the program's whole path included. */
  readonly args: readonly string[];
}

/** The parts of `NAME=value … deno run … src/….ts`. */
export function taskCommand(name: string): TaskCommand {
  const command = tasks[name]!.command;
  const words = command.slice(command.lastIndexOf("deno run")).split(" ").slice(1);
  const assignments = [...command.matchAll(/(?:^|\s)([A-Z_]+)=(\S+)/g)];
  return {
    environment: Object.fromEntries(assignments.map(([, key, value]) => [key!, value!])),
    args: words.map((word) => word.startsWith("src/") ? fileURLToPath(new URL(word, ROOT)) : word),
  };
}
