/**
 * A Redpanda whose owner was killed (`kill -9`, out of memory): a process in a session of its own does not go with it.
 *
 * Its supervisor ends it within seconds (../processes/supervisor.ts). Where that was killed too, or a start comes first, the next
 * start finds the node by a file, makes sure that it is the one, and ends it in order before it begins.
 *
 * Linux only, as Redpanda is: what a process is and whose child stands in /proc.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PermanentError, wait } from "@gmn/failures";
import { lookAt } from "../processes/look.ts";
import { Supervisor } from "../processes/supervisor.ts";

/** Each look starts a shell. */
const LOOK_INTERVAL_MS = 100;

/**
 * Ends the node: `$1` is its process id, `$2` its configuration, which tells it from whatever has the process id later. It has six
 * seconds to stop in order; a kill after that is for all that it has started.
 */
const END_NODE = `is_there() {
  tr '\\0' ' ' <"/proc/$1/cmdline" | grep -qF -- "$2"
}
is_there "$1" "$2" || exit 0
kill -TERM "$1"
left=60
while is_there "$1" "$2"; do
  [ "$left" -gt 0 ] || kill -s KILL -- "-$1"
  left=$((left - 1))
  [ "$left" -gt -20 ] || exit 1
  sleep 0.1
done
`;

/** Starts the supervisor of the node `pid`. */
export function superviseChild(
  pid: number,
  configurationFile: string,
): Promise<Supervisor> {
  return Supervisor.start({
    name: "gmn-redpanda-supervisor",
    script: END_NODE,
    args: [String(pid), configurationFile],
    runAs: null,
  });
}

const noteOf = (directory: string): string => join(directory, "process.json");

interface Note {
  readonly pid: number;
  /** The process that started it. */
  readonly owner: number;
}

/** Notes that `pid` is the node that works in `directory`, started by this process. */
export async function noteChild(directory: string, pid: number): Promise<void> {
  const note: Note = { pid, owner: process.pid };
  await writeFile(noteOf(directory), JSON.stringify(note));
}

/** The node was stopped: nothing is left behind. */
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
  if (note === null || !await isNode(note.pid, configurationFile)) return null;
  // The kernel gives the children of a process that is gone to another one, so this can't be wrong.
  if ((await lookAt(note.pid))?.parent === note.owner) {
    throw new PermanentError(
      `Redpanda in ${directory} belongs to process ${note.owner}, which is running`,
      { hint: "Stop that process, or set DATA_DIR to another folder." },
    );
  }
  signal(note.pid, "SIGTERM");
  const deadline = performance.now() + patience_ms;
  let killed = false;
  while (await isNode(note.pid, configurationFile)) {
    if (!killed && performance.now() > deadline) {
      signal(note.pid, "SIGKILL");
      killed = true;
    }
    await wait(LOOK_INTERVAL_MS);
  }
  return note.pid;
}

async function readNote(directory: string): Promise<Note | null> {
  try {
    const note = JSON.parse(
      await readFile(noteOf(directory), "utf8"),
    ) as Partial<Note>;
    return Number.isInteger(note.pid) && Number.isInteger(note.owner) ? note as Note : null;
  } catch {
    return null;
  }
}

/** Its supervisor may have ended it a moment ago. */
function signal(pid: number, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Whether a process is the node with this configuration: process ids are used again. A zombie has no command line. */
async function isNode(
  pid: number,
  configurationFile: string,
): Promise<boolean> {
  return (await lookAt(pid))?.command.includes(configurationFile) === true;
}
