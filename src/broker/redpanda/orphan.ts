/**
 * A Redpanda that was left behind: its owner was killed (`kill -9`, out of memory), and a process in a session of its own does
 * not go with it. The next start finds it by a file, makes sure that it is the one, and ends it in order before it begins.
 *
 * Linux only, as Redpanda is: what a process is and whose child stands in /proc.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { wait } from "../../failures/backoff.ts";
import { PermanentError } from "../../failures/failures.ts";

const LOOK_INTERVAL_MS = 50;

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
  if (await parentOf(note.pid) === note.owner) {
    throw new PermanentError(
      `Redpanda in ${directory} belongs to process ${note.owner}, which is running`,
      { hint: "Stop that process, or set DATA_DIR to another folder." },
    );
  }
  process.kill(note.pid, "SIGTERM");
  const deadline = performance.now() + patience_ms;
  let killed = false;
  while (await isNode(note.pid, configurationFile)) {
    if (!killed && performance.now() > deadline) {
      process.kill(note.pid, "SIGKILL");
      killed = true;
    }
    await wait(LOOK_INTERVAL_MS);
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

/** Whether a process is the node with this configuration: process ids are used again. A zombie has no command line. */
async function isNode(pid: number, configurationFile: string): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").includes(configurationFile);
  } catch {
    return false;
  }
}

async function parentOf(pid: number): Promise<number | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    return Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1] ?? NaN);
  } catch {
    return null;
  }
}
