/**
 * Runs one program to its end and captures its output: `initdb`, `pg_ctl`, `useradd`.
 *
 * The program gets its own session, so that a Ctrl-C in the terminal reaches only this process, which then stops
 * PostgreSQL in order. It also gets its own environment, so that a user's PGDATA or PGPORT does not affect our server.
 */
import { spawn } from "node:child_process";

/** The operating-system user that a program runs as. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

export interface RunOptions {
  /** Null means this process's own user. */
  readonly runAs: RunAs | null;
  readonly cwd?: string;
  /** Aborting ends the program with SIGTERM; `runCommand` still waits for its exit. */
  readonly signal?: AbortSignal;
}

/** How a program ended. `code` is null when it could not be started or a signal ended it. */
export interface CommandResult {
  readonly code: number | null;
  /** Standard output and standard error together, in order of arrival, at most `OUTPUT_BYTES_MAX`. */
  readonly output: string;
  /** The operating system's code when the program could not be started: ENOENT, EACCES, … */
  readonly startError: string | null;
}

/** Enough for every message of initdb; a program that prints endlessly does not fill the memory. */
const OUTPUT_BYTES_MAX = 64 * 1024;

/** Runs `command` and waits for its end. Never throws: the result says how it ended. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    let output = "";
    let startError: string | null = null;
    const child = spawn(command, args, {
      cwd: options.cwd ?? "/",
      detached: process.platform !== "win32",
      env: { PATH: process.env.PATH ?? "", LC_ALL: "C", TZ: "UTC" },
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.runAs ?? {}),
    });
    const end = () => child.kill("SIGTERM");
    const keep = (chunk: Uint8Array) => {
      if (output.length < OUTPUT_BYTES_MAX) output += new TextDecoder().decode(chunk);
    };
    options.signal?.addEventListener("abort", end, { once: true });
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error: NodeJS.ErrnoException) => {
      startError = error.code ?? error.message;
    });
    child.on("close", (code) => {
      options.signal?.removeEventListener("abort", end);
      resolve({ code, output: output.trim(), startError });
    });
    if (options.signal?.aborted) end();
  });
}
