/**
 * Commands as a user types them: by a shell, on a pseudo-terminal or in a pipe.
 *
 * The terminal is util-linux's `script`, which is part of every Debian and Ubuntu; on it Ctrl-C is a character that is typed, and
 * the terminal makes signals of it for everything that runs in its foreground.
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

/** How a command's input and output are connected. */
export type Connection = "terminal" | "pipe";

/** What a command said and how it ended. */
export interface Ended {
  readonly code: number | null;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

export interface RunOptions {
  readonly connection: Connection;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What never ends by itself gets a Ctrl-C (in a pipe: SIGINT, to all of its group) when its output has this in it. */
  readonly until?: RegExp;
  readonly limit_ms: number;
}

const CTRL_C = "\x03";

/** The environment of this process without what the test runner put into it, which no user has. */
export function userEnvironment(): Record<string, string | undefined> {
  const isOurs = (name: string) =>
    /^(VITEST|NODE_ENV$|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$)/.test(name);
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOurs(name))),
    NO_COLOR: "1",
    TERM: "xterm",
    // A pager waits for keys.
    PAGER: "cat",
    DENO_NO_UPDATE_CHECK: "1",
    npm_config_update_notifier: "false",
  };
}

/** Runs the command to its end. A command that takes longer than its limit is killed, with all that it started. */
export async function runAsUser(command: string, options: RunOptions): Promise<Ended> {
  const { connection, cwd, env, until, limit_ms } = options;
  const isTerminal = connection === "terminal";
  const [program, ...args] = isTerminal
    ? ["script", "-qefc", command, "/dev/null"]
    // A shell that a signal reaches with the rest of its group waits for the command all the same, and tells its exit code.
    : ["sh", "-c", `trap : INT; ${command}`];
  const child = spawn(program!, args, {
    cwd,
    env: { ...env },
    stdio: [isTerminal ? "pipe" : "ignore", "pipe", "pipe"],
    // A group of its own, so that all of it can be ended.
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
    // Gone already.
  }
}
