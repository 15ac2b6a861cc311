/**
 * Keeps the IAU shower list up to date: fetched when it never was, then weekly, and what changed in it put on the topic
 * `iau_shower`.
 *
 *     never fetched, or a week ago ──fetch──▶ read ──compare with what is listed──▶ changed showers onto the topic
 *               ▲                       └─ failed: told once, tried again in an hour; meteors have codes without it
 *               └───────────────── a week ─────────────────────────────────────┘
 *
 * A shower that is not in a fetched list any more stays: the Center marks removed showers, it does not drop them, so a shorter list
 * is a broken one.
 */
import { wait } from "../failures/backoff.ts";
import { explain } from "../failures/failures.ts";
import { type Observe, unobserved } from "../observe/observe.ts";
import type { ListedShower, ShowerListFetch } from "../store/iau_showers.ts";
import { readShowerList } from "../trajectory/shower_list.ts";
import type { FetchedList } from "./shower_list_source.ts";

/** The Center updates its list some times a year. */
const FETCH_INTERVAL_MS = 7 * 86_400_000;
/** Between two tries to fetch a list that could not be had. */
const RETRY_INTERVAL_MS = 3_600_000;

export interface ShowerNamesOptions {
  /** What is fetched, as the setting names it. */
  readonly address: string;
  readonly fetch: (signal: AbortSignal) => Promise<FetchedList>;
  /** What is known: the list as it is in the data store, and when it was fetched. */
  readonly store: {
    listed(): Promise<readonly ListedShower[]>;
    lastFetch(): Promise<ShowerListFetch | null>;
    fetched(fetch: ShowerListFetch): Promise<void>;
  };
  /** Puts showers on the topic and waits for the acknowledgement. */
  readonly publish: (showers: readonly ListedShower[]) => Promise<void>;
  readonly observe?: Observe;
  readonly now?: () => Date;
}

/** The shower list as people see it. */
export interface ShowerListState {
  readonly address: string;
  readonly fetchedAt: Date | null;
  readonly showers: number;
  /** Why the last try of this process failed; null when it did not, or there was none. */
  readonly problem: string | null;
}

export class ShowerNames {
  readonly #options: ShowerNamesOptions;
  readonly #observe: Observe;
  readonly #now: () => Date;
  #problem: string | null = null;

  constructor(options: ShowerNamesOptions) {
    this.#options = options;
    this.#observe = options.observe ?? unobserved;
    this.#now = options.now ?? (() => new Date());
  }

  /** What is fetched, as the setting names it. */
  get address(): string {
    return this.#options.address;
  }

  /** @throws TransientError when the database can't be asked */
  async state(): Promise<ShowerListState> {
    const last = await this.#options.store.lastFetch();
    const { address } = this.#options;
    return {
      address,
      fetchedAt: last?.at ?? null,
      showers: last?.showers ?? 0,
      problem: this.#problem,
    };
  }

  /** Keeps the list up to date until `signal` aborts. Never rejects. */
  async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const delay_ms = await this.#fetchIfDue(signal);
      await wait(delay_ms, signal).catch(() => {});
    }
  }

  /** Fetches the list when that is due; gives the milliseconds until it is due again. */
  async #fetchIfDue(signal: AbortSignal): Promise<number> {
    const { address, store } = this.#options;
    try {
      const last = await store.lastFetch();
      const left_ms = last === null
        ? 0
        : last.at.getTime() + FETCH_INTERVAL_MS - this.#now().getTime();
      if (left_ms > 0) return left_ms;
      await this.#fetch(signal);
      this.#problem = null;
      return FETCH_INTERVAL_MS;
    } catch (error) {
      if (signal.aborted) return 0;
      const reason = explain(error);
      // The same reason every hour is no news.
      if (reason !== this.#problem) this.#observe("showers.unavailable", { address, reason });
      this.#problem = reason;
      return RETRY_INTERVAL_MS;
    }
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const { fetch, store, publish } = this.#options;
    const { bytes, source } = await fetch(signal);
    const { showers, rejected } = readShowerList(bytes);
    const listed = new Map((await store.listed()).map((shower) => [shower.number, shower]));
    const changed = showers
      .map(({ number, code, name, status }): ListedShower => ({
        number,
        code,
        name,
        status,
        source,
      }))
      .filter((shower) => !isSame(shower, listed.get(shower.number)));
    if (changed.length > 0) await publish(changed);
    await store.fetched({ at: this.#now(), showers: showers.length });
    this.#observe("showers.fetched", {
      source,
      showers: showers.length,
      changed: changed.length,
      rejected: rejected.length,
    });
  }
}

/** Whether the list says the same of a shower. Where it was read does not matter: next year's list has another address. */
function isSame(a: ListedShower, b: ListedShower | undefined): boolean {
  return b !== undefined && a.code === b.code && a.name === b.name && a.status === b.status;
}
