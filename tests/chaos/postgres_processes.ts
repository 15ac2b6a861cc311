/** The processes of a running PostgreSQL, found by its cluster: to signal what nobody else should. Linux: reads /proc. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";

/** What pg_ctl's stop modes are as signals to the postmaster; `kill` leaves its children to end by themselves. */
const SIGNALS = { immediate: "SIGQUIT", fast: "SIGINT", kill: "SIGKILL" } as const;

export class PostgresProcesses {
  /** `directory` has the folder `cluster`. */
  constructor(private readonly directory: string) {}

  /** The postmaster's process id; null while there is none. */
  async postmaster(): Promise<number | null> {
    const file = join(this.directory, "cluster", "postmaster.pid");
    const pid = Number((await readFile(file, "utf8").catch(() => "")).split("\n")[0]);
    return pid > 0 && await statOf(pid) !== null ? pid : null;
  }

  /** Ends the server. Gives whether there was one. */
  async end(how: keyof typeof SIGNALS): Promise<boolean> {
    return signal(await this.postmaster(), SIGNALS[how]);
  }

  /** kill -9 of one of its connections: PostgreSQL then ends all of them and recovers. */
  async killBackend(): Promise<boolean> {
    for (const pid of await this.#children()) {
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (/ gmn_data_store .*\d+\.\d+\.\d+\.\d+/.test(command)) return signal(pid, "SIGKILL");
    }
    return false;
  }

  /** SIGSTOP of all its processes. Gives what lets the same ones go on: those of a server that ended meanwhile are nobody's children. */
  async freeze(): Promise<() => void> {
    const pids = [await this.postmaster(), ...await this.#children()];
    for (const pid of pids) signal(pid, "SIGSTOP");
    return () => {
      for (const pid of pids) signal(pid, "SIGCONT");
    };
  }

  async #children(): Promise<number[]> {
    const parent = await this.postmaster();
    if (parent === null) return [];
    const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0);
    const found = await Promise.all(
      pids.map(async (pid) => (await statOf(pid))?.parent === parent ? [pid] : []),
    );
    return found.flat();
  }
}

/** Null when there is no such process. */
async function statOf(pid: number): Promise<{ parent: number } | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  if (text === null) return null;
  // The command, in parentheses, may have spaces in it.
  return { parent: Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]) };
}

function signal(pid: number | null, name: NodeJS.Signals): boolean {
  if (pid === null) return false;
  try {
    return process.kill(pid, name);
  } catch {
    // It has just ended.
    return false;
  }
}
