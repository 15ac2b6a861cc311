/**
 * Loaded before the service (`deno run --preload`): its `Date` is ahead or behind by the seconds in the file that CHAOS_CLOCK_FILE
 * names. A clock that jumps, for one process, and without any setting in the service itself.
 *
 * `performance.now()` and timers go on evenly, as CLOCK_MONOTONIC does when a machine's time is set. The embedded broker, a Worker,
 * and PostgreSQL keep the machine's time.
 */
import { readFileSync } from "node:fs";
import process from "node:process";

/** Between two looks at the file. */
const LOOK_MS = 20;

const file = process.env.CHAOS_CLOCK_FILE;
if (file !== undefined) {
  const RealDate = Date;
  let shift_ms = 0;
  const look = () => {
    try {
      shift_ms = Number(readFileSync(file, "utf8")) * 1000;
    } catch {
      // It is being written.
    }
  };
  look();
  setInterval(look, LOOK_MS).unref();
  const now = () => RealDate.now() + shift_ms;
  globalThis.Date = new Proxy(RealDate, {
    construct(target, given: unknown[], newTarget) {
      return Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget);
    },
    apply: () => new RealDate(now()).toString(),
    get(target, name, receiver) {
      return name === "now" ? now : Reflect.get(target, name, receiver);
    },
  });
}
