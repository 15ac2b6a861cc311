import { expect, test } from "vitest";
import { launchersAmong } from "./launcher.ts";
import { SAME_SIGNAL_MS, StopRequests } from "./signals.ts";

/** Requests with a clock that moves only when set. */
function withClock() {
  const clock = { now: 5_000 };
  return { clock, stops: new StopRequests(() => clock.now) };
}

test("the first signal is the reason; signals within a second of it count as the same", () => {
  const { clock, stops } = withClock();
  expect([stops.stop.aborted, stops.reason, stops.exitCode]).toEqual([false, "", 0]);
  stops.signal("SIGINT");
  clock.now += SAME_SIGNAL_MS - 1;
  stops.signal("SIGINT");
  stops.signal("SIGTERM");
  expect([stops.reason, stops.hurry.aborted, stops.exitCode]).toEqual(["SIGINT", false, 0]);
});

test("a later signal hurries the stop, once, with exit code 1; SIGHUP never does", () => {
  const { clock, stops } = withClock();
  stops.signal("SIGTERM");
  clock.now += SAME_SIGNAL_MS;
  stops.signal("SIGHUP");
  expect(stops.hurry.aborted).toBe(false);
  stops.signal("SIGINT");
  stops.signal("SIGTERM");
  expect(stops.hurry.reason).toMatchObject({ message: "SIGINT again" });
  expect([stops.reason, stops.exitCode]).toEqual(["SIGTERM", 1]);
});

test("the first signal does not hurry a stop that has another cause", () => {
  const { clock, stops } = withClock();
  stops.request("npx ended", 0);
  stops.request("nobody reads standard output (EPIPE)", 1);
  clock.now += 10 * SAME_SIGNAL_MS;
  stops.signal("SIGINT");
  expect([stops.reason, stops.hurry.aborted, stops.exitCode]).toEqual(["npx ended", false, 0]);
});

test("an uncaught error stops the service, is reported even if it came before a listener, and fails a stop in progress", () => {
  const { stops } = withClock();
  const reported: string[] = [];
  stops.uncaught("no Error at all");
  stops.listenToErrors((error) => reported.push(error.message));
  expect([stops.reason, stops.exitCode]).toEqual(["uncaught error: no Error at all", 1]);
  for (let n = 0; n < 100; n++) stops.uncaught(new Error(`${n}`));
  expect(reported).toHaveLength(20);

  const other = withClock().stops;
  other.signal("SIGTERM");
  other.uncaught(new Error("while it stops"));
  expect([other.reason, other.exitCode]).toEqual(["SIGTERM", 1]);
});

test("only npx, its shell and deno task are watched, nothing above or beside them", () => {
  const at = (pid: number, command: string) => ({ pid, command });
  const task = at(4, "deno task start");
  const shell = at(3, "sh -c 'deno' task start");
  const npx = at(2, "npm exec deno@2.9.6 task start");
  const bash = at(1, "-bash");
  const pids = (...ancestors: { pid: number; command: string }[]) =>
    launchersAmong(ancestors).map(({ pid, name }) => `${pid} ${name}`);
  expect(pids(task, shell, npx, bash)).toEqual(["4 deno task", "3 npx", "2 npx"]);
  // A shell that replaces itself with its last command, as bash does.
  expect(pids(task, npx, bash)).toEqual(["4 deno task", "2 npx"]);
  expect(pids(task, bash)).toEqual(["4 deno task"]);
  expect(pids(at(4, "/root/.npm/_npx/1/node_modules/deno/deno task demo"), bash))
    .toEqual(["4 deno task"]);
  // Started by one of Deno's programs, or by a script that npx runs for another purpose.
  expect(pids(at(4, "deno run -A tool.ts"), bash)).toEqual([]);
  expect(pids(task, at(3, "/bin/sh ./start-it.sh"), npx)).toEqual(["4 deno task"]);
  expect(pids()).toEqual([]);
});
