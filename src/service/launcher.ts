/**
 * The programs that started this one: `npx` runs a shell, the shell runs `deno task`, and that runs this process.
 *
 * A signal only to npx (`kill PID`, a supervisor that knows only its child) ends npx and its shell, but reaches neither `deno task`
 * nor this process: the service would run on without a parent. So the chain is watched, and its end stops the service.
 */
import process from "node:process";
import { type Ancestor, ancestorsOf, isAlive } from "@gmn/engines";
import { ENDED_IN_ORDER, type StopRequests } from "./signals.ts";

/** How soon the end of npx is noticed. Each check costs two system calls, some microseconds. */
const LOOK_INTERVAL_MS = 500;

/** A signal that has ended npx often reaches this process as well, and is the better reason; on a busy machine it is late. */
const SIGNAL_FIRST_MS = 250;

/** A program of the chain. */
interface Launcher {
  readonly pid: number;
  readonly name: "deno task" | "npx";
}

/**
 * Returns those of `ancestors` (parent first) that exist only to run this process. The program that started them (a shell, a
 * terminal, systemd) may end without this process.
 */
export function launchersAmong(ancestors: readonly Ancestor[]): Launcher[] {
  const [task, ...above] = ancestors;
  if (task === undefined || !/^\S*deno(\.exe)? (.* )?task /.test(task.command)) return [];
  const launchers: Launcher[] = [{ pid: task.pid, name: "deno task" }];
  // npx renames itself "npm exec …"; until then it is node with npx's script. Its shell is `sh -c 'deno' task …`.
  const npx = above.findIndex(({ command }) => /^npm exec |\bnpx(-cli\.js)?\b/.test(command));
  const isShells = above.slice(0, Math.max(0, npx)).every(({ command }) =>
    /^\S*sh -c .*\btask\b/.test(command)
  );
  if (npx < 0 || !isShells) return launchers;
  return [
    ...launchers,
    ...above.slice(0, npx + 1).map(({ pid }) => ({ pid, name: "npx" as const })),
  ];
}

/** The environment says that npx runs deno, but npx ended before the first check: pid 1 has adopted `deno task`. */
function isWithoutNpx(ancestors: readonly Ancestor[], launchers: readonly Launcher[]): boolean {
  const { npm_lifecycle_event, npm_lifecycle_script = "" } = process.env;
  return npm_lifecycle_event === "npx" && /^'?deno\b/.test(npm_lifecycle_script) &&
    launchers.length === 1 && ancestors[1]?.pid === 1;
}

/** Requests a stop from `stops` when npx or `deno task` has ended and left this process running. */
export async function watchLauncher(stops: StopRequests): Promise<void> {
  const parent = process.ppid;
  // `deno task` sets this variable: without it there is nothing to watch.
  if (process.platform === "win32" || process.env.INIT_CWD === undefined) return;
  // If the ancestors can't be read (no shell, no permission), nothing is watched.
  const ancestors = await ancestorsOf(process.pid).catch(() => []);
  const launchers = launchersAmong(ancestors);
  if (isWithoutNpx(ancestors, launchers)) return stops.request("npx ended", ENDED_IN_ORDER);
  const timer = setInterval(() => {
    const gone = process.ppid === parent
      ? launchers.find(({ pid }) => pid !== parent && !isAlive(pid))
      : launchers[0];
    if (gone === undefined) return;
    clearInterval(timer);
    setTimeout(() => stops.request(`${gone.name} ended`, ENDED_IN_ORDER), SIGNAL_FIRST_MS);
  }, LOOK_INTERVAL_MS);
  timer.unref();
}
