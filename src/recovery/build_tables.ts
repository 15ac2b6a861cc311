/** Fills the tables of a rebuild from the log, up to given offsets, and says how far they are. */
import { randomUUID } from "node:crypto";
import { PermanentError, TransientError, wait } from "@gmn/failures";
import { startSink } from "../consumer/sink.ts";
import {
  cutDeadLetter,
  DEAD_LETTER_VALUE_BYTES_MAX,
  type DeadLetter,
} from "../dead_letters/dead_letter.ts";
import { forgetGroup } from "../events/consumer_group.ts";
import type { Kafka } from "../events/kafka_client.ts";
import type { Subscription } from "../events/subscription.ts";
import type { TopicSink } from "../events/topic_sink.ts";
import type { Observe } from "../observe/observe.ts";
import { type PartitionOffset, readSchemaOffsets } from "../store/build_offsets.ts";
import { assertStillOurs, type BuildSchema } from "../store/build_schema.ts";
import type { Sql } from "../store/connection.ts";
import { OffsetMismatchError } from "../store/consumer_offsets.ts";
import { collectDeadLetters, deadLetterTable } from "../store/dead_letters.ts";
import { OffsetGate } from "./offset_gate.ts";
import { isCovered, type PartitionRange } from "./rebuild_losses.ts";

/** Sinks whose connections look up tables in the build first. */
export interface Builder {
  readonly sql: Sql;
  readonly sinks: readonly TopicSink[];
  close(): Promise<void>;
}

/** Opens a `Builder`. Records that are given up go to `giveUp`. */
export type OpenBuilder = (options: {
  readonly searchPath: string;
  readonly giveUp: (deadLetters: readonly DeadLetter[]) => Promise<void>;
}) => Builder;

export interface BuildOptions {
  readonly kafka: Kafka;
  /** The live tables. */
  readonly sql: Sql;
  readonly schemas: BuildSchema;
  readonly topics: readonly string[];
  readonly openBuilder: OpenBuilder;
  /** Ranges that were repaired: their unreadable batches get no dead letters, because the log has their records again. */
  readonly coveredRanges: readonly PartitionRange[];
  readonly observe: Observe;
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks at the offsets. */
const LOOK_INTERVAL_MS = 100;
/** Records that can't be loaded and have no dead letter yet. With more of them, something else is wrong: a registry without schemas. */
const COLLECTED_MAX = 10_000;

/** A build in progress. */
export class TableBuild {
  readonly sql: Sql;
  readonly #options: BuildOptions;
  readonly #builder: Builder;
  readonly #gate = new OffsetGate();
  readonly #groupId = `gmn-data-store-rebuild-${randomUUID()}`;
  readonly #subscription: Subscription;
  readonly #limits = new Map<string, PartitionOffset>();
  #failure: unknown = null;
  #collected = 0;

  constructor(options: BuildOptions) {
    this.#options = options;
    const { kafka, schemas, topics, observe } = options;
    this.#builder = options.openBuilder({
      searchPath: schemas.searchPath,
      giveUp: (deadLetters) => this.#collect(deadLetters),
    });
    this.sql = this.#builder.sql;
    const sinks = this.#builder.sinks.filter(({ topic }) => topics.includes(topic))
      .map((sink) => this.#gate.before(this.#watched(sink)));
    const { sql } = this;
    this.#subscription = startSink({ kafka, sql, sinks, groupId: this.#groupId, observe });
  }

  /** How many dead letters were collected. */
  get collected(): number {
    return this.#collected;
  }

  /** Lets the build read up to these offsets. */
  allow(limits: readonly PartitionOffset[]): void {
    for (const { topic, partition, nextOffset } of limits) {
      const key = `${topic}-${partition}`;
      const before = this.#limits.get(key);
      if (before !== undefined && before.nextOffset >= nextOffset) continue;
      this.#limits.set(key, { topic, partition, nextOffset });
      this.#gate.raise(topic, partition, nextOffset);
    }
  }

  /**
   * Waits until the build has everything it was allowed to read.
   * @returns false when that took longer than `patience_ms`
   * @throws what made a sink fail for good, PermanentError when the tables are gone, and the signal's reason
   */
  async reached(
    starts: readonly PartitionOffset[],
    { onProgress, patience_ms = Infinity }: {
      readonly onProgress?: (left: bigint) => void;
      readonly patience_ms?: number;
    } = {},
  ): Promise<boolean> {
    const deadline = performance.now() + patience_ms;
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      await assertStillOurs(this.#options.sql, this.#options.schemas);
      const left = await this.#left(starts);
      onProgress?.(left);
      if (left === 0n) return true;
      if (performance.now() > deadline) return false;
      await wait(LOOK_INTERVAL_MS, this.#options.signal);
    }
  }

  /** Stops reading; the tables stay. */
  async close(): Promise<void> {
    const stopped = this.#subscription.stop();
    this.#gate.close();
    await stopped;
    await this.#builder.close();
    await forgetGroup(this.#options.kafka, this.#groupId);
  }

  async #left(starts: readonly PartitionOffset[]): Promise<bigint> {
    const { sql, schemas, topics } = this.#options;
    const built = new Map<string, bigint>(
      (await readSchemaOffsets(sql, schemas.built, topics)).map((
        row,
      ) => [`${row.topic}-${row.partition}`, row.nextOffset]),
    );
    let left = 0n;
    for (const { topic, partition, nextOffset: start } of starts) {
      const key = `${topic}-${partition}`;
      const limit = this.#limits.get(key)?.nextOffset ?? start;
      const at = built.get(key) ?? start;
      if (limit > at) left += limit - at;
    }
    return left;
  }

  /** A sink retries what may pass; anything else would be tried again for ever, and ends the build instead. */
  #watched(sink: TopicSink): TopicSink {
    return {
      topic: sink.topic,
      store: async (batch) => {
        try {
          await sink.store(batch);
        } catch (error) {
          const isUsual = error instanceof TransientError || error instanceof OffsetMismatchError;
          if (!isUsual) this.#failure ??= error;
          throw error;
        }
      },
    };
  }

  /** Dead letters that the data store has already are not collected: they are on the topic. */
  async #collect(deadLetters: readonly DeadLetter[]): Promise<void> {
    const live = deadLetterTable((question) => question(this.#options.sql));
    // In the form in which they would be published.
    const cut = deadLetters.filter((one) => !this.#isRepaired(one))
      .map((one) => cutDeadLetter(one, DEAD_LETTER_VALUE_BYTES_MAX));
    const unknown = await live.selectNew(cut);
    if (unknown.length === 0) return;
    this.#collected = await collectDeadLetters(this.sql, unknown);
    if (this.#collected <= COLLECTED_MAX) return;
    throw new PermanentError(
      `more than ${COLLECTED_MAX} records can't be loaded, the first because: ${
        unknown[0]!.reason
      }`,
      { hint: "check that the schema registry is the one that the log was written with" },
    );
  }

  #isRepaired({ stage, topic, partition, offset }: DeadLetter): boolean {
    if (stage !== "fetch" || topic === null || partition === null || offset === null) return false;
    const first = BigInt(offset);
    return isCovered({ topic, partition }, { first, last: first }, this.#options.coveredRanges);
  }
}
