/** A command of `deno.json` as a process of its own, with its task's permissions: to read what it says, or to kill it. */
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { taskCommand } from "./task_command.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface CommandProcess {
  /** When it has ended: its exit code (null after a kill) and what it wrote. */
  readonly ended: Promise<{ code: number | null; out: string; err: string }>;
  kill(signal: "SIGKILL" | "SIGINT"): void;
}

/** Starts the task's program with these arguments; `environment` is added to the test's own. */
export function startCommand(
  name: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): CommandProcess {
  const task = taskCommand(name);
  const child = spawn(process.execPath, [...task.args, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...task.environment, NO_COLOR: "1", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "", err = "";
  child.stdout.on("data", (chunk) => out += chunk);
  child.stderr.on("data", (chunk) => err += chunk);
  const ended = new Promise<{ code: number | null; out: string; err: string }>(
    (resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, out, err }));
    },
  );
  return { ended, kill: (signal) => void process.kill(child.pid!, signal) };
}
