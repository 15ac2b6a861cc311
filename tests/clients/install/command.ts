/**
 * Runs a command to its end, for the suite's set-up.
 */
import { spawn } from "node:child_process";

/** Installing over a slow network takes minutes; longer is a network that is not there. */
const TIMEOUT_MS = 8 * 60_000;

/** How a command ended, and what it said on both outputs. */
export interface CommandResult {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs a command with no input. A command that can't be started, or takes too long, has failed. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; timeout_ms?: number } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: options.timeout_ms ?? TIMEOUT_MS,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => output += text);
    }
    child.on("error", (error) => resolve({ ok: false, output: error.message }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/** The last line of an output that says something: mostly the reason of a failure. */
export function lastLine(output: string): string {
  return output.trim().split("\n").at(-1)?.trim() ?? "";
}
