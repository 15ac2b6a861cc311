/**
 * `deno task start` in its parts, for whoever starts the program without a shell: limits of allocator and heap belong to it
 * (docs/decisions/0013-memory.md).
 */
import { readFileSync } from "node:fs";

const CONFIGURATION = new URL("../../deno.json", import.meta.url);
/** `NAME=value … deno run …` */
const COMMAND: string = JSON.parse(readFileSync(CONFIGURATION, "utf8")).tasks.start.command;
const [assignments = "", words = ""] = COMMAND.split(" deno ");

/** What it sets in the environment. */
export const START_ENVIRONMENT: Readonly<Record<string, string>> = Object.fromEntries(
  assignments.split(" ").map((pair) => pair.split("=")),
);

/** Deno's arguments, `run` and the program included. */
export const START_ARGUMENTS: readonly string[] = words.split(" ");
