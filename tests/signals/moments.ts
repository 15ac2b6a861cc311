/**
 * Moments of a first start that last a few tenths of a second, and a service that is caught in one.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import process from "node:process";
import { until } from "../support/poll.ts";
import type { Row } from "./rows.ts";
import type { Started } from "./started.ts";

/** By which process each moment is known. */
export const MOMENTS: Readonly<Record<string, RegExp>> = {
  "initdb works": /\/initdb /,
  "PostgreSQL starts": / start -l /,
};

/** On a busy machine a moment passes between two looks; that it does so this often in a row was never seen. */
const ATTEMPTS_MAX = 5;
/** A start on a busy machine. */
const START_MS = 30_000;

/**
 * Starts a service on a new data directory, and gives it as soon as it is in the moment, with its process.
 * @throws Error when the moment was missed each time
 */
export async function startCaughtWhile(
  row: Row,
  moment: string,
): Promise<{ readonly started: Started; readonly pid: number }> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const settings = { DATA_DIR: join(row.copy().base, `${moment} ${randomUUID()}`) };
    const started = row.start({ settings });
    const pid = await started.servicePid();
    const seen = await until(`${moment}, or the moment has passed`, async () => {
      const isNow = (await started.processes()).some(({ command }) =>
        MOMENTS[moment]!.test(command)
      );
      if (isNow) return "in it";
      return (await started.events("service.ready")).length > 0 && "passed";
    }, START_MS);
    if (seen === "in it") return { started, pid };
    process.kill(pid, "SIGKILL");
    await started.gone();
  }
  throw new Error(`${ATTEMPTS_MAX} starts, and none was seen while ${moment}`);
}
