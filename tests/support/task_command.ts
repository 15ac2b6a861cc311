/**
 * A task of deno.json split into parts, for tests that start the program without a shell: with exactly the task's permissions
 * and its limits of allocator and heap (docs/decisions/0013-memory.md).
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);
const { tasks } = JSON.parse(readFileSync(new URL("deno.json", ROOT), "utf8")) as {
  tasks: Record<string, { command: string }>;
};

/** The command that starts Deno for a task. */
export interface TaskCommand {
  /** Environment variables that the task sets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Deno's arguments, including `run` and the program's absolute path. */
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
