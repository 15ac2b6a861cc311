/**
 * The programs that started this one: `npx` runs a shell, the shell runs `deno task`, and that runs us.
 *
 * A signal to npx only (`kill PID`, a supervisor that knows only its child) ends npx and its shell, and reaches neither `deno task`
 * nor us: the service would run on without a parent. So the chain is watched, and its end stops the service.
 */
import process from "node:process";
import { type Ancestor, ancestorsOf, isAlive } from "@gmn/engines";
import { ENDED_IN_ORDER, type StopRequests } from "./signals.ts";

/** How soon the end of npx is noticed. Two questions to the kernel each time, some microseconds. */
const LOOK_INTERVAL_MS = 500;

/** A signal that has ended npx often comes to us as well, and is the better reason; on a busy machine it is late. */
const SIGNAL_FIRST_MS = 250;

/** A program of the chain. */
interface Launcher {
  readonly pid: number;
  readonly name: "deno task" | "npx";
}

/**
 * Those of `ancestors` (parent first) that only exist to run this process. Whoever started them (a shell, a terminal, systemd)
 * may go without us.
 */
export function launchersAmong(ancestors: readonly Ancestor[]): Launcher[] {
  const [task, ...above] = ancestors;
  if (task === undefined || !/^\S*deno(\.exe)? (.* )?task /.test(task.command)) return [];
  const launchers: Launcher[] = [{ pid: task.pid, name: "deno task" }];
  // "npm exec …" is what npx calls itself; before it has, it is node with npx's script. Its shell is `sh -c 'deno' task …`.
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

/** npx says in the environment that it runs deno, and is gone before anybody has looked: pid 1 has taken over `deno task`. */
function isWithoutNpx(ancestors: readonly Ancestor[], launchers: readonly Launcher[]): boolean {
  const { npm_lifecycle_event, npm_lifecycle_script = "" } = process.env;
  return npm_lifecycle_event === "npx" && /^'?deno\b/.test(npm_lifecycle_script) &&
    launchers.length === 1 && ancestors[1]?.pid === 1;
}

/** Asks `stops` to stop when npx or `deno task` has ended without us. */
export async function watchLauncher(stops: StopRequests): Promise<void> {
  const parent = process.ppid;
  // `deno task` sets this: without it there is nothing to look for.
  if (process.platform === "win32" || process.env.INIT_CWD === undefined) return;
  // Without a way to look (no shell, no permission) there is no watch.
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
