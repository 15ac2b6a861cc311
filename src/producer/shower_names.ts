/**
 * Keeps the IAU shower list on the topic `iau_shower`: the shipped list until a list has been fetched, then the fetched list.
 *
 *     nothing on the topic ──▶ shipped list onto the topic
 *                                        │
 *     never fetched, or a week ago ──fetch──▶ read ──compare with what is listed──▶ changed showers onto the topic
 *               ▲                       └─ failed: logged once, tried again in an hour
 *               └───────────────── a week ─────────────────────────────────────┘
 *
 * Both lists go through the log, so a rebuild and every reader of the topic get the same names. The shipped list is published at
 * most once per edition, and never after a fetched one, so it can't overwrite a newer name (`isShipmentDue`). A fetched list
 * replaces every shipped entry that it contains, including equal ones: an entry's source says which list it is from.
 *
 * A shower that is missing in a later list stays: the Center marks removed showers instead of dropping them, so a shorter list is a
 * defective one. For the same reason a shower that only the shipped list has stays.
 */
import { explain, wait } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import type { ListedShower, ShowerListFetch, ShowerListLog } from "../store/iau_showers.ts";
import { readShowerList } from "../trajectory/shower_list.ts";
import {
  editionInWords,
  shippedEdition,
  type ShippedShowers,
  shippedSource,
} from "../trajectory/shipped_showers.ts";
import type { FetchedList } from "./shower_list_source.ts";

/** The Center updates its list a few times a year. */
const FETCH_INTERVAL_MS = 7 * 86_400_000;
/** Between two attempts to fetch a list that was unavailable. */
const RETRY_INTERVAL_MS = 3_600_000;
/** Between two attempts to publish the shipped list: the broker or the database is unavailable, which is reported elsewhere. */
const SHIP_RETRY_INTERVAL_MS = 5_000;

export interface ShowerNamesOptions {
  /** Where to fetch from, as in the setting; null: fetch nothing, the shipped list stays in use. */
  readonly address: string | null;
  readonly fetch: (address: string, signal: AbortSignal) => Promise<FetchedList>;
  readonly shipped: ShippedShowers;
  /** What is known: the list as it is in the data store, and which list was fetched when. */
  readonly store: {
    listed(): Promise<readonly ListedShower[]>;
    /** The last fetch of the list at `address`. */
    lastFetch(address: string): Promise<ShowerListFetch | null>;
    /** The last fetch of any list. */
    latestFetch(): Promise<ShowerListFetch | null>;
    fetched(fetch: ShowerListFetch): Promise<void>;
  };
  readonly log: {
    /** How far the data store has read the topic. */
    state(): Promise<ShowerListLog>;
    /** Puts showers on the topic and waits for the acknowledgement. */
    publish(showers: readonly ListedShower[]): Promise<void>;
  };
  readonly observe: Observe;
  readonly now?: () => Date;
}

/** What is known about the names before the shipped list is published. */
export interface ShowerListKnowledge {
  readonly listed: readonly Pick<ListedShower, "source">[];
  /** Whether any list was ever fetched, as far as the data store knows. */
  readonly isFetched: boolean;
  readonly log: ShowerListLog;
}

/**
 * Whether to publish the shipped list of `edition`: when the topic never had a record and the data store knows no list, or when
 * every listed entry is from older shipped lists, which an upgrade replaces. While the data store lags behind the topic, the answer
 * is no: a fetched list may be among the records that it has not read yet.
 */
export function isShipmentDue(
  edition: string,
  { listed, isFetched, log }: ShowerListKnowledge,
): boolean {
  if (isFetched) return false;
  if (log.isEmpty) return listed.length === 0;
  if (!log.isCaughtUp || listed.length === 0) return false;
  const editions = listed.map(({ source }) => shippedEdition(source));
  return editions.every((listedEdition) => listedEdition !== null && listedEdition < edition);
}

export class ShowerNames {
  readonly #options: ShowerNamesOptions;
  readonly #now: () => Date;
  #problem: string | null = null;
  #shipProblem: string | null = null;

  constructor(options: ShowerNamesOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  /** Why this process's last attempt to fetch the list failed; null when it succeeded, or there was none. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Keeps the list up to date until `signal` aborts. Never rejects. */
  async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // One after the other: a shipped list that is published after a fetched one would undo its names.
      const delay_ms = await this.#ship(signal) ?? await this.#fetchIfDue(signal);
      await wait(delay_ms, signal).catch(() => {});
    }
  }

  /** Publishes the shipped list when due; returns the milliseconds until the next attempt, or null when nothing is left to do. */
  async #ship(signal: AbortSignal): Promise<number | null> {
    const { shipped, store, log } = this.#options;
    const { edition, showers } = shipped;
    try {
      const isFetched = await store.latestFetch() !== null;
      const knowledge = { listed: await store.listed(), isFetched, log: await log.state() };
      if (signal.aborted || !isShipmentDue(edition, knowledge)) return null;
      const source = shippedSource(edition);
      // Far below what fits into one record batch (973 showers are 65 KB), so the topic has all of them or none.
      await log.publish(showers.map((shower) => ({ ...shower, source })));
      this.#options.observe("showers.shipped", {
        edition: editionInWords(edition),
        showers: showers.length,
      });
      return null;
    } catch (error) {
      if (signal.aborted) return 0;
      const reason = explain(error);
      if (reason !== this.#shipProblem) this.#options.observe("showers.not_shipped", { reason });
      this.#shipProblem = reason;
      return SHIP_RETRY_INTERVAL_MS;
    }
  }

  /** Fetches the list when due; returns the milliseconds until it is due again. */
  async #fetchIfDue(signal: AbortSignal): Promise<number> {
    const { address, store, log } = this.#options;
    if (address === null) return FETCH_INTERVAL_MS;
    try {
      // A new log that replaces the one the data store was built from needs the whole list again.
      const { isEmpty } = await log.state();
      const last = isEmpty ? null : await store.lastFetch(address);
      const left_ms = last === null
        ? 0
        : last.at.getTime() + FETCH_INTERVAL_MS - this.#now().getTime();
      if (left_ms > 0) return left_ms;
      await this.#fetch(address, isEmpty ? [] : await store.listed(), signal);
      this.#problem = null;
      return FETCH_INTERVAL_MS;
    } catch (error) {
      if (signal.aborted) return 0;
      const reason = explain(error);
      // The same failure is logged only once.
      if (reason !== this.#problem) {
        this.#options.observe("showers.unavailable", {
          address,
          reason,
          inUse: await this.#inUse(),
          delay_ms: RETRY_INTERVAL_MS,
        });
      }
      this.#problem = reason;
      return RETRY_INTERVAL_MS;
    }
  }

  /** Fetches the list and publishes the entries that differ from `known`. */
  async #fetch(
    address: string,
    known: readonly ListedShower[],
    signal: AbortSignal,
  ): Promise<void> {
    const { fetch, store, log } = this.#options;
    const { bytes, source } = await fetch(address, signal);
    const { showers, rejected } = readShowerList(bytes);
    const listed = new Map(known.map((shower) => [shower.number, shower]));
    const changed = showers
      .map(({ number, code, name, status }): ListedShower => ({
        number,
        code,
        name,
        status,
        source,
      }))
      .filter((shower) => !isSame(shower, listed.get(shower.number)));
    if (changed.length > 0) await log.publish(changed);
    await store.fetched({ address, at: this.#now(), showers: showers.length });
    this.#options.observe("showers.fetched", {
      source,
      showers: showers.length,
      changed: changed.length,
      rejected: rejected.length,
    });
  }

  /** Describes the list that names come from while none can be fetched. */
  async #inUse(): Promise<string> {
    const { shipped, store } = this.#options;
    try {
      const last = await store.latestFetch();
      if (last !== null) return `the list fetched on ${last.at.toISOString().slice(0, 10)}`;
      const isFetched = (await store.listed()).some(({ source }) =>
        shippedEdition(source) === null
      );
      if (isFetched) return "the list fetched last";
    } catch {
      // The database is unavailable, and with it all names; the list in it stays in use.
      return "the list in the data store";
    }
    return `the shipped list of ${editionInWords(shipped.edition)}`;
  }
}

/**
 * Whether a fetched entry says what is listed already. The address of the list does not matter: next year's list has another. A
 * shipped entry is never the same, so that its source is replaced too.
 */
function isSame(a: ListedShower, b: ListedShower | undefined): boolean {
  return b !== undefined && shippedEdition(b.source) === null &&
    a.code === b.code && a.name === b.name && a.status === b.status;
}
