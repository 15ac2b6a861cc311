/**
 * Reads the command line and the parent of a process from /proc, or from `ps` where /proc does not exist.
 *
 * A shell does the reading, because Deno allows /proc only with all permissions, which the service does not have.
 */
import { spawn } from "node:child_process";
import process from "node:process";

/** Whether a process has this id now. Needs the permission to run programs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM means that the process exists but belongs to another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** One ancestor of a process. */
export interface Ancestor {
  readonly pid: number;
  /** Program and arguments, separated by spaces. Empty for a zombie. */
  readonly command: string;
}

/** More levels than npx, its shell and `deno task` add. */
const LEVELS_MAX = 8;

/** Prints "pid parent command" for $1 and the $2 - 1 processes above it, one line each. */
const LOOK = `pid=$1 left=$2
while [ "$pid" -gt 0 ] && [ "$left" -gt 0 ]; do
  if [ -r "/proc/$pid/status" ]; then
    parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")
    command=$(tr '\\0\\n' '  ' <"/proc/$pid/cmdline")
  else
    parent=$(ps -o ppid= -p "$pid") || exit 0
    command=$(ps -ww -o args= -p "$pid")
  fi
  parent=$((parent + 0))
  printf '%s %s %s\\n' "$pid" "$parent" "$command"
  pid=$parent left=$((left - 1))
done 2>/dev/null`;

interface Seen extends Ancestor {
  readonly parent: number;
}

function look(pid: number, levels: number): Promise<Seen[]> {
  if (process.platform === "win32") return Promise.resolve([]);
  // Without the permission Deno throws here, which rejects the promise.
  return new Promise((resolve) => {
    const child = spawn("/bin/sh", ["-c", LOOK, "look", String(pid), String(levels)], {
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
    });
    let text = "";
    child.stdout.on("data", (chunk: Uint8Array) => text += new TextDecoder().decode(chunk));
    child.once("error", () => resolve([]));
    child.once("close", () => {
      resolve(
        text.split("\n").flatMap((line) => {
          const [, pid, parent, command = ""] = /^(\d+) (\d+) (.*)$/.exec(line) ?? [];
          return pid === undefined
            ? []
            : [{ pid: +pid, parent: Number(parent), command: command.trim() }];
        }),
      );
    });
  });
}

/** The command line of process `pid` and its parent's process id; null when there is no such process. */
export async function lookAt(
  pid: number,
): Promise<{ readonly parent: number; readonly command: string } | null> {
  return (await look(pid, 1))[0] ?? null;
}

/** The processes above `pid`, its parent first. */
export async function ancestorsOf(pid: number): Promise<Ancestor[]> {
  return (await look(pid, LEVELS_MAX)).slice(1);
}
