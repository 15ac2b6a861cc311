/**
 * The life of a long-running command: started, run, and stopped in order for whatever reason. The reasons, and the effect of a
 * second signal, are listed in signals.ts.
 *
 *     starting ──ready──▶ running ──a stop is requested, or a part has failed───────▶ stopping in order ──▶ exit code
 *         │ a stop is requested                                                         ▲   └─ asked again: hurries
 *         ├─────────────────────── what was started is stopped ─────────────────────────┘
 *         └ fails ──▶ message and hint, exit 1
 */
import process from "node:process";
import { untilAborted } from "@gmn/failures";
import type { Config } from "../config.ts";
import { createLogListener } from "../observe/log.ts";
import {
  createObserver,
  type Observe,
  type Observer,
  type ServiceEvent,
} from "../observe/observe.ts";
import { printFailure } from "./print_failure.ts";
import type { Service } from "./service.ts";
import { ENDED_IN_FAILURE, type StopRequests } from "./signals.ts";

/** Creates an observer that logs as configured, except for the events named in `unlogged`. */
export async function createLoggingObserver(
  config: Pick<Config, "logLevel" | "logFormat">,
  unlogged: readonly ServiceEvent["name"][] = [],
): Promise<Observer> {
  const observer = createObserver();
  const format = config.logFormat === "auto"
    ? (process.stderr.isTTY ? "human" : "json")
    : config.logFormat;
  const log = await createLogListener({ level: config.logLevel, format });
  observer.listen((event) => unlogged.includes(event.name) || log(event));
  return observer;
}

/** How a start learns of a stop. */
export interface StopSignals {
  /** Aborting it gives up a start. */
  readonly signal: AbortSignal;
  /** Aborting it hurries a stop. */
  readonly hurry: AbortSignal;
}

/**
 * Starts a service with `start` and stops it when a stop is requested.
 * @returns the exit code: see signals.ts; 1 also when the start failed
 */
export async function runUntilStopped(
  stops: StopRequests,
  observe: Observe,
  start: (signals: StopSignals) => Promise<Service>,
): Promise<number> {
  stops.listenToErrors((error) =>
    observe("service.error", { reason: error.message, stack: error.stack ?? "" })
  );
  stops.hurry.addEventListener(
    "abort",
    () => observe("service.hurrying", { reason: (stops.hurry.reason as Error).message }),
    { once: true },
  );
  let service: Service;
  try {
    service = await start({ signal: stops.stop, hurry: stops.hurry });
  } catch (error) {
    if (stops.stop.aborted) return stops.exitCode;
    printFailure(error);
    return ENDED_IN_FAILURE;
  }
  const failure = await Promise.race([untilAborted(stops.stop), service.failed]);
  if (failure !== "aborted") {
    printFailure(failure);
    stops.request(failure.message, ENDED_IN_FAILURE);
  }
  await service.stop(stops.reason);
  return stops.exitCode;
}
