/**
 * When the next request to the source may start.
 *
 * The source asks for 10 seconds between requests (`Crawl-delay` in its robots.txt). The gate grants turns, one per interval;
 * requests of daily runs go before those of backfills, whichever came first. A `Retry-After` shuts the gate for all requests: the
 * server as a whole is busy. Each lane has at most one request open (it works through its files one by one), so a daily run never
 * waits until the body of a 3 GB file is read.
 */
import type { Priority } from "./data_directory.ts";

interface Waiting {
  readonly priority: Priority;
  readonly admit: () => void;
}

export class PoliteGate {
  readonly #interval_ms: number;
  readonly #now: () => number;
  #opensAt_ms = 0;
  #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `interval_ms` between the starts of two requests; `now` returns milliseconds and never decreases. */
  constructor(interval_ms: number, now: () => number = () => performance.now()) {
    this.#interval_ms = interval_ms;
    this.#now = now;
    this.#opensAt_ms = now();
  }

  /** Resolves when a request may start, once per turn; rejects with the signal's reason when it aborts. */
  turn(priority: Priority, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        this.#arm();
        reject(signal?.reason);
      };
      const waiting: Waiting = {
        priority,
        admit: () => {
          signal?.removeEventListener("abort", leave);
          resolve();
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiting);
      this.#arm();
    });
  }

  /** Keeps the gate shut for `ms` milliseconds from now, or longer if it already was. */
  holdOff(ms: number): void {
    this.#opensAt_ms = Math.max(this.#opensAt_ms, this.#now() + ms);
    this.#arm();
  }

  /** Sets the only timer to the moment when the gate opens, or clears it when no request waits. */
  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.length === 0) return;
    const delay_ms = this.#opensAt_ms - this.#now();
    if (delay_ms > 0) {
      this.#timer = setTimeout(() => this.#arm(), Math.ceil(delay_ms));
      return;
    }
    const daily = this.#waiting.findIndex((waiting) => waiting.priority === "daily");
    const [next] = this.#waiting.splice(Math.max(0, daily), 1);
    this.#opensAt_ms = this.#now() + this.#interval_ms;
    next.admit();
    this.#arm();
  }
}
