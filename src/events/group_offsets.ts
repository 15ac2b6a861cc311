/**
 * Tells the consumer group how far its partitions are stored, for lag tools. The position that counts is in the database, so nothing
 * is lost when this fails or is late.
 *
 * Small batches follow one another within milliseconds, from several partitions. Each commit is a request and a write of the broker,
 * so they are collected for a moment.
 */
import { explain, withTimeout } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";

/** Lag tools look every few seconds. */
const COLLECT_MS = 500;
/** A session that ends does not wait longer than this for a broker that does not answer. */
const COMMIT_TIMEOUT_MS = 1_000;

/** An offset as kafkajs commits it. */
export interface GroupOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

export class GroupOffsets {
  readonly #send: (offsets: GroupOffset[]) => Promise<void>;
  readonly #observe: Observe;
  /** The latest of each partition that is not sent yet. */
  readonly #waiting = new Map<string, GroupOffset>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    send: (offsets: GroupOffset[]) => Promise<void>,
    { observe }: { readonly observe: Observe },
  ) {
    this.#send = send;
    this.#observe = observe;
  }

  /** Everything before the offset is stored. */
  stored(topic: string, partition: number, nextOffset: bigint): void {
    this.#waiting.set(`${topic}-${partition}`, { topic, partition, offset: String(nextOffset) });
    this.#timer ??= setTimeout(() => void this.commit(), COLLECT_MS);
  }

  /** Commits what is waiting, now. Never rejects. */
  async commit(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const offsets = [...this.#waiting.values()];
    this.#waiting.clear();
    if (offsets.length === 0) return;
    try {
      const late = () => new Error(`no answer within ${COMMIT_TIMEOUT_MS} ms`);
      await withTimeout(this.#send(offsets), COMMIT_TIMEOUT_MS, late);
    } catch (error) {
      const which = offsets.map(({ topic, partition, offset }) =>
        `${topic}-${partition}@${offset}`
      );
      const message = `committing ${which.join(", ")}: ${explain(error)}`;
      this.#observe("log.client", { level: "debug", message });
    }
  }
}
