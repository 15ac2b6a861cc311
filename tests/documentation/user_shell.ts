/**
 * Runs commands as a user types them: in a shell, on a pseudo-terminal or in a pipe.
 *
 * The terminal is util-linux's `script`, which every Debian and Ubuntu has. Ctrl-C is typed as a character, and the terminal
 * turns it into signals for everything in its foreground.
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

/** How a command's input and output are connected. */
export type Connection = "terminal" | "pipe";

/** A command's output and exit code. */
export interface Ended {
  readonly code: number | null;
  /** Standard output and standard error, interleaved as received. */
  readonly output: string;
}

export interface RunOptions {
  readonly connection: Connection;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For a command that never ends by itself: send Ctrl-C (in a pipe: SIGINT to its group) once its output matches this. */
  readonly until?: RegExp;
  readonly limit_ms: number;
}

const CTRL_C = "\x03";

/** The environment of this process without the test runner's variables, which no user has. */
export function userEnvironment(): Record<string, string | undefined> {
  const isOurs = (name: string) =>
    /^(VITEST|NODE_ENV$|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$)/.test(name);
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOurs(name))),
    NO_COLOR: "1",
    TERM: "xterm",
    // A pager would wait for keys.
    PAGER: "cat",
    DENO_NO_UPDATE_CHECK: "1",
    npm_config_update_notifier: "false",
  };
}

/** Runs the command to its end. A command that exceeds its time limit is killed with all its child processes. */
export async function runAsUser(command: string, options: RunOptions): Promise<Ended> {
  const { connection, cwd, env, until, limit_ms } = options;
  const isTerminal = connection === "terminal";
  const [program, ...args] = isTerminal
    ? ["script", "-qefc", command, "/dev/null"]
    // A shell that gets a signal together with its group still waits for the command, and returns its exit code.
    : ["sh", "-c", `trap : INT; ${command}`];
  const child = spawn(program!, args, {
    cwd,
    env: { ...env },
    stdio: [isTerminal ? "pipe" : "ignore", "pipe", "pipe"],
    // A separate process group, so that all of it can be killed.
    detached: true,
  });
  let output = "";
  let isInterrupted = false;
  const hear = (chunk: Uint8Array) => {
    output += new TextDecoder().decode(chunk, { stream: true });
    if (until === undefined || isInterrupted || !until.test(output)) return;
    isInterrupted = true;
    if (isTerminal) child.stdin?.write(CTRL_C);
    else process.kill(-child.pid!, "SIGINT");
  };
  child.stdout?.on("data", hear);
  child.stderr?.on("data", hear);
  child.stdin?.on("error", () => {});
  const timer = setTimeout(() => {
    output += `\n[killed after ${limit_ms} ms]`;
    killGroup(child);
  }, limit_ms);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  clearTimeout(timer);
  return { code, output };
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, "SIGKILL");
  } catch {
    // Already ended.
  }
}
