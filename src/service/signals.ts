/**
 * What ends a long-running command (`start`, `demo`, `broker`), and how. Imported before everything else, so it imports only
 * `node:process`: a signal that arrives while the other modules load is remembered, and ends the start.
 *
 *     running ──first request──▶ stopping ──SIGINT or SIGTERM, more than a second later──▶ hurrying ──▶ exit 1
 *                                    └──▶ exit code of the request
 *
 * | request                                                   | reason in the log                   | exit code     |
 * | --------------------------------------------------------- | ----------------------------------- | ------------- |
 * | Ctrl-C, SIGINT                                            | SIGINT                              | 0             |
 * | SIGTERM                                                   | SIGTERM                             | 0             |
 * | the terminal is closed: SIGHUP                            | SIGHUP                              | 0             |
 * | npx or `deno task` ended without us (service/launcher.ts) | npx ended, or deno task ended       | 0             |
 * | the reader of standard output or error has ended          | nobody reads standard error (EPIPE) | 1             |
 * | the banner finds a full disk                              | standard output can't be written (…)| 1             |
 * | an uncaught error, an unhandled rejection                 | uncaught error: its message         | 1             |
 * | a part of the service has failed permanently              | the part's failure                  | 1             |
 * | any signal within a second of the first                   | (the same request: nothing)         | as before     |
 * | SIGINT or SIGTERM later                                   | SIGTERM again (`service.hurrying`)  | 1             |
 * | SIGHUP later, or any other request while stopping         | (nothing; an error is still logged) | 1 if an error |
 * | kill -9                                                   | none: @gmn/engines supervises       | 137           |
 *
 * The exit code is the service's own, and npx's if npx still runs: an npx ended by the signal gives 128 plus its number.
 *
 * - One Ctrl-C arrives up to four times: the terminal sends it to the whole group, and npx and `deno task` both forward theirs.
 *   systemd and terminals send one kind after the other. So any signal within a second of the first counts as the first.
 * - To hurry means to finish the stop within seconds (releasers.ts); the engines are ended, not left running.
 * - Only a second request by a person or a supervisor hurries. A terminal that is closed after Ctrl-C does not.
 * - SIGINT only to npx does not arrive where npx's shell is dash (Debian): npx forwards it to the shell, which holds it until its
 *   program has ended. SIGTERM ends the shell, which is noticed.
 * - `nohup` does not help: SIGHUP still ends npx, and `deno task` forwards it.
 * - Before this module is loaded, a signal has its default effect; nothing has been started by then.
 * - If standard output and standard error are closed from the start (`>&- 2>&-`), they are treated like /dev/null.
 * - The end of a reader is noticed when the next line is written.
 */
import process from "node:process";

/** Signals that mean "stop". SIGQUIT keeps its default, so that it still produces a core dump. */
export const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type StopSignal = typeof STOP_SIGNALS[number];

/**
 * Another signal within this time of the first counts as the same: npx and `deno task` forward a signal within milliseconds, on a
 * busy machine within tenths of a second, and no person decides to hurry that quickly.
 */
export const SAME_SIGNAL_MS = 1_000;
/** Keeps a loop that fails every time from filling the log. */
const ERRORS_REPORTED_MAX = 20;

export const ENDED_IN_ORDER = 0;
export const ENDED_IN_FAILURE = 1;

/** The requests so far. */
export class StopRequests {
  readonly #stop = new AbortController();
  readonly #hurry = new AbortController();
  readonly #clock: () => number;
  #firstSignalAt: number | null = null;
  #exitCode = ENDED_IN_ORDER;
  #errors: Error[] = [];
  #errorsReported = 0;
  #onError: ((error: Error) => void) | null = null;

  /** `clock` returns milliseconds; tests pass their own. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Aborted at the first request, with an Error whose message is the reason for the log. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** Aborted when a stop is requested again, with an Error in the same way. */
  get hurry(): AbortSignal {
    return this.#hurry.signal;
  }

  /** The reason of the first request; empty before it. */
  get reason(): string {
    return this.stop.aborted ? (this.stop.reason as Error).message : "";
  }

  /** The exit code for the process. */
  get exitCode(): number {
    return this.#exitCode;
  }

  /** Handles a signal. */
  signal(name: StopSignal): void {
    const now = this.#clock();
    if (!this.stop.aborted) {
      this.#firstSignalAt = now;
      this.#stop.abort(new Error(name));
      return;
    }
    // If the stop had another cause, its first signal is not an order to hurry.
    this.#firstSignalAt ??= now;
    if (now - this.#firstSignalAt < SAME_SIGNAL_MS || name === "SIGHUP") return;
    if (this.hurry.aborted) return;
    this.#exitCode = ENDED_IN_FAILURE;
    this.#hurry.abort(new Error(`${name} again`));
  }

  /** Requests a stop without a signal. `exitCode` counts if it is the first request. */
  request(reason: string, exitCode: number): void {
    if (this.stop.aborted) return;
    this.#exitCode = exitCode;
    this.#stop.abort(new Error(reason));
  }

  /** Handles an uncaught error: reports it and stops the service. */
  uncaught(thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (++this.#errorsReported <= ERRORS_REPORTED_MAX) {
      if (this.#onError === null) this.#errors.push(error);
      else this.#onError(error);
    }
    this.request(`uncaught error: ${error.message}`, ENDED_IN_FAILURE);
    this.#exitCode = ENDED_IN_FAILURE;
  }

  /** Passes uncaught errors to `listener`, including earlier ones. */
  listenToErrors(listener: (error: Error) => void): void {
    this.#onError = listener;
    for (const error of this.#errors.splice(0)) listener(error);
  }
}

/** Listens for everything that ends this process. Call it once, before anything else. */
export function watchForStop(): StopRequests {
  const stops = new StopRequests();
  for (const name of STOP_SIGNALS) {
    // Windows has SIGINT, and SIGHUP for a closed console; a process can't listen for SIGTERM there.
    if (process.platform === "win32" && name === "SIGTERM") continue;
    process.on(name, () => stops.signal(name));
  }
  process.on("uncaughtException", (error) => stops.uncaught(error));
  process.on("unhandledRejection", (reason) => stops.uncaught(reason));
  const streams = [["standard output", process.stdout], [
    "standard error",
    process.stderr,
  ]] as const;
  for (const [name, stream] of streams) {
    // EPIPE: the reader of a pipe has ended. EIO: the terminal is gone. For text written with `tell` (print_failure.ts) a full disk
    // is reported here too; a log line that finds the disk full is lost, and the service goes on.
    stream.on("error", (error: NodeJS.ErrnoException) => {
      const isGone = error.code === "EPIPE" || error.code === "EIO";
      const what = isGone ? `nobody reads ${name}` : `${name} can't be written`;
      stops.request(`${what} (${error.code ?? error.message})`, ENDED_IN_FAILURE);
    });
  }
  return stops;
}
