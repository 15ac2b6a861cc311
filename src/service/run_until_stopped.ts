/**
 * The life of a long-running command, with signals:
 *
 *     starting ──ready──▶ running ──first SIGINT or SIGTERM──▶ stopping in order ──▶ exit 0
 *         │ fails              │ a part is gone for good        └──second signal──▶ exit 1 at once
 *         ▼                    ▼
 *     message and hint,    message and hint, stopping in order ──▶ exit 1: whoever watches the process starts it anew
 *     exit 1
 */
import process from "node:process";
import type { Config } from "../config.ts";
import { explain, hintOf } from "../failures/failures.ts";
import { createLogListener } from "../observe/log.ts";
import { createObserver, type Observer } from "../observe/observe.ts";
import type { Service } from "./service.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Prints what went wrong and what to do, for a person. */
export function printFailure(error: unknown): void {
  const hint = hintOf(error);
  process.stderr.write(`error: ${explain(error)}\n${hint === undefined ? "" : `hint: ${hint}\n`}`);
}

/** An observer that logs as the configuration says. */
export async function createLoggingObserver(
  config: Pick<Config, "logLevel" | "logFormat">,
): Promise<Observer> {
  const observer = createObserver();
  const format = config.logFormat === "auto"
    ? (process.stderr.isTTY ? "human" : "json")
    : config.logFormat;
  observer.listen(await createLogListener({ level: config.logLevel, format }));
  return observer;
}

/**
 * Starts a service with `start` and stops it at the first signal.
 * @returns the exit code: 0 after an orderly stop, 1 when the start failed or a part of the service is gone for good
 */
export async function runUntilStopped(
  start: (signal: AbortSignal) => Promise<Service>,
): Promise<number> {
  const interrupted = new AbortController();
  let signals = 0;
  const onSignal = (signal: string) => {
    if (++signals > 1) process.exit(1);
    interrupted.abort(new Error(signal));
  };
  for (const signal of SIGNALS) process.on(signal, () => onSignal(signal));

  let service: Service;
  try {
    service = await start(interrupted.signal);
  } catch (error) {
    if (interrupted.signal.aborted) return 0;
    printFailure(error);
    return 1;
  }
  const signalled = new Promise<null>((resolve) => {
    if (interrupted.signal.aborted) resolve(null);
    interrupted.signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  const failure = await Promise.race([signalled, service.failed]);
  if (failure === null) {
    await service.stop((interrupted.signal.reason as Error).message);
    return 0;
  }
  printFailure(failure);
  await service.stop(failure.message);
  return 1;
}
