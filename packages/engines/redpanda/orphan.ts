/**
 * Handles a Redpanda whose owner was killed (`kill -9`, out of memory): in its own session, it survives its owner.
 *
 * Its supervisor ends it in seconds (../processes/supervisor.ts). If the supervisor was killed too, or the next start comes first,
 * that start finds the node through a file, verifies its identity, and stops it in order.
 *
 * Linux only, like Redpanda: the identity and the parent of a process are read from /proc.
 */
import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { PermanentError } from "@gmn/failures";
import { lookAt } from "../processes/look.ts";
import { Supervisor } from "../processes/supervisor.ts";

/**
 * Ends the node: `$1` is its process id, `$2` its configuration, which distinguishes it from a later process with the same id. It
 * has `$3` tenths of a second to stop in order; after that it is killed together with all processes it has started. A Ctrl-C in
 * the terminal does not end the script.
 */
const END_NODE = `trap '' HUP INT TERM
is_there() {
  tr '\\0' ' ' <"/proc/$1/cmdline" | grep -qF -- "$2"
}
is_there "$1" "$2" || exit 0
kill -TERM "$1" || ! is_there "$1" "$2" || exit 1
left=$3
while is_there "$1" "$2"; do
  [ "$left" -gt 0 ] || kill -s KILL -- "-$1"
  left=$((left - 1))
  [ "$left" -gt -20 ] || exit 1
  sleep 0.1
done
`;

/** How long a supervised node may take to stop in order. Including the kill, this is less than `SUPERVISED_END_MS`. */
const SUPERVISED_STOP_MS = 6_000;

const endNodeArguments = (pid: number, configurationFile: string, patience_ms: number) => [
  String(pid),
  configurationFile,
  String(Math.ceil(patience_ms / 100)),
];

/** Starts the supervisor of the node `pid`. */
export function superviseChild(pid: number, configurationFile: string): Promise<Supervisor> {
  return Supervisor.start({
    name: "gmn-redpanda-supervisor",
    script: END_NODE,
    args: endNodeArguments(pid, configurationFile, SUPERVISED_STOP_MS),
    runAs: null,
  });
}

const noteOf = (directory: string): string => join(directory, "process.json");

interface Note {
  readonly pid: number;
  /** The process that started it. */
  readonly owner: number;
}

/** Records that `pid` is the node that works in `directory`, started by this process. */
export async function noteChild(directory: string, pid: number): Promise<void> {
  const note: Note = { pid, owner: process.pid };
  await writeFile(noteOf(directory), JSON.stringify(note));
}

/** Removes the record after the node was stopped. */
export async function forgetChild(directory: string): Promise<void> {
  await rm(noteOf(directory), { force: true });
}

/**
 * Ends the node that an earlier process left behind in `directory`, if there is one.
 * @returns its process id, or null when there was none
 * @throws PermanentError when the process that started it still lives
 */
export async function endOrphan(
  directory: string,
  configurationFile: string,
  patience_ms: number,
): Promise<number | null> {
  const note = await readNote(directory);
  const node = note === null ? null : await lookAt(note.pid);
  // Process ids are reused. A zombie has no command line.
  if (note === null || node?.command.includes(configurationFile) !== true) return null;
  // The kernel gives the children of an exited process a new parent, so this check is reliable.
  if (node.parent === note.owner) {
    throw new PermanentError(
      `Redpanda in ${directory} belongs to process ${note.owner}, which is running`,
      { hint: "Stop that process, or set DATA_DIR to another folder." },
    );
  }
  const args = endNodeArguments(note.pid, configurationFile, patience_ms);
  try {
    await promisify(execFile)("/bin/sh", ["-c", END_NODE, "end-redpanda", ...args], {
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" },
    });
  } catch (error) {
    throw new PermanentError(
      `Redpanda in ${directory}, process ${note.pid}, could not be stopped`,
      {
        cause: error,
        hint: `Stop process ${note.pid}, which an earlier start left behind.`,
      },
    );
  }
  return note.pid;
}

async function readNote(directory: string): Promise<Note | null> {
  try {
    const note = JSON.parse(await readFile(noteOf(directory), "utf8")) as Partial<Note>;
    return Number.isInteger(note.pid) && Number.isInteger(note.owner) ? note as Note : null;
  } catch {
    return null;
  }
}
