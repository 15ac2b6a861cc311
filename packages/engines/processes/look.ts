/**
 * Who a process is and whose child: from /proc, or where there is none from `ps`.
 *
 * A shell looks, because Deno lets nobody read /proc who was not given all permissions, and the service is not.
 */
import { spawn } from "node:child_process";
import process from "node:process";

/** Whether a process has this id now. Needs the permission to run programs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal means that it is there.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A process on the way from a process to the first of all. */
export interface Ancestor {
  readonly pid: number;
  /** Program and arguments, separated by spaces. Empty for one that has ended and was not waited for. */
  readonly command: string;
}

/** More levels than npx, its shell and `deno task` need. */
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
  // Deno throws at once where it lacks the permission, which rejects.
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

/** What runs as `pid`, and its parent's process id; null when there is no such process. */
export async function lookAt(
  pid: number,
): Promise<{ readonly parent: number; readonly command: string } | null> {
  return (await look(pid, 1))[0] ?? null;
}

/** The processes above `pid`, its parent first. */
export async function ancestorsOf(pid: number): Promise<Ancestor[]> {
  return (await look(pid, LEVELS_MAX)).slice(1);
}
