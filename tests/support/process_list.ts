/**
 * The processes of a folder: those whose working directory or command line is below it. Linux only: reads /proc.
 */
import { readdir, readFile, readlink } from "node:fs/promises";
import process from "node:process";

export interface ListedProcess {
  readonly pid: number;
  /** Program and arguments, separated by spaces. */
  readonly command: string;
}

/** All live processes. A zombie has no command line and does not count. */
export async function processesBelow(base: string): Promise<ListedProcess[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0);
  const found = await Promise.all(pids.map(async (pid) => {
    const command = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""))
      .replaceAll("\0", " ").trim();
    if (command === "" || pid === process.pid) return [];
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => "");
    return command.includes(base) || folder.startsWith(base) ? [{ pid, command }] : [];
  }));
  return found.flat();
}

/** Kills all of them with SIGKILL. */
export async function killBelow(base: string): Promise<void> {
  for (;;) {
    const left = await processesBelow(base);
    if (left.length === 0) return;
    for (const { pid } of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has already ended.
      }
    }
  }
}
