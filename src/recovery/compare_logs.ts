/**
 * Compares a copy with its source, record by record.
 *
 * One partition after the other, both logs are read at the same time. The log that is ahead waits: what is kept in memory is one fetch of
 * either side.
 *
 *     source ──fetch──▶ ┐ as many as both have are compared; the side with records left waits ┌ ◀──fetch── target
 *                       └──▶ both at their ends: as many on both sides, or the difference ◀───┘
 */
import { PermanentError } from "@gmn/failures";
import type { ConsumedRecord } from "../events/consumed_record.ts";
import type { Kafka } from "../events/kafka_client.ts";
import { type PartitionRange, readLog } from "../events/log_reader.ts";
import type { Topic } from "../events/topics.ts";
import { copyDifference } from "./copied_record.ts";
import type { SchemaMap } from "./map_schemas.ts";

/** A partition to compare: the records from `sourceLow` to `sourceEnd` must be those from `targetLow` to `targetEnd`. */
export interface ComparedPartition {
  readonly topic: Topic;
  readonly partition: number;
  readonly sourceLow: bigint;
  readonly sourceEnd: bigint;
  readonly targetLow: bigint;
  readonly targetEnd: bigint;
}

export interface CompareOptions {
  readonly source: Kafka;
  readonly target: Kafka;
  readonly schemas: SchemaMap;
  readonly signal: AbortSignal;
  /** Called with the number of records compared since the last call. */
  readonly onCompared: (records: number) => void;
}

/**
 * Compares one partition.
 * @returns the number of records, all the same
 * @throws PermanentError naming the first record that differs; TransientError when a broker is unavailable
 */
export async function comparePartition(
  compared: ComparedPartition,
  { source, target, schemas, signal, onCompared }: CompareOptions,
): Promise<number> {
  const { topic, partition, sourceLow, sourceEnd, targetLow, targetEnd } = compared;
  const stop = new AbortController();
  const pairing = new Pairing(compared, schemas, onCompared);
  const read = async (side: Side, kafka: Kafka, from: bigint, to: bigint) => {
    const range: PartitionRange = { topic: topic.name, partition, from, to };
    try {
      await readLog({
        kafka,
        ranges: [range],
        signal: AbortSignal.any([signal, stop.signal]),
        onRecords: ({ records }) => pairing.take(side, records),
      });
      pairing.end(side);
    } catch (error) {
      stop.abort(error);
      pairing.fail(error);
      throw error;
    }
  };
  // A side that waits for the other one must not wait for ever when neither goes on.
  const onAbort = () => pairing.fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const results = await Promise.allSettled([
    read("source", source, sourceLow, sourceEnd),
    read("target", target, targetLow, targetEnd),
  ]);
  signal.removeEventListener("abort", onAbort);
  signal.throwIfAborted();
  if (stop.signal.aborted) throw stop.signal.reason;
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return pairing.records;
}

type Side = "source" | "target";
const otherOf = (side: Side): Side => side === "source" ? "target" : "source";

/** Brings the records of both sides together. At any time at most one side has records left. */
class Pairing {
  records = 0;
  readonly #compared: ComparedPartition;
  readonly #schemas: SchemaMap;
  readonly #onCompared: (records: number) => void;
  readonly #left: Record<Side, ConsumedRecord[]> = { source: [], target: [] };
  readonly #ended = new Set<Side>();
  /** Of a side that waits until its records are compared. */
  readonly #waiting = new Map<
    Side,
    { readonly resolve: () => void; readonly reject: (error: unknown) => void }
  >();
  #failure: { readonly error: unknown } | null = null;

  constructor(
    compared: ComparedPartition,
    schemas: SchemaMap,
    onCompared: (records: number) => void,
  ) {
    this.#compared = compared;
    this.#schemas = schemas;
    this.#onCompared = onCompared;
  }

  /** Takes records; resolves when they are compared. */
  async take(side: Side, given: readonly ConsumedRecord[]): Promise<void> {
    // Batches of the source that can't be read were left out of the copy.
    const records = side === "source"
      ? given.filter(({ unreadable }) => unreadable === undefined)
      : given;
    if (records.length === 0) return;
    this.#left[side].push(...records);
    await this.#compare();
    if (this.#left[side].length === 0) return;
    if (this.#failure !== null) throw this.#failure.error;
    if (this.#ended.has(otherOf(side))) throw this.#tooMany(side);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.set(side, { resolve, reject });
    await promise;
  }

  /** This side is at its end. */
  end(side: Side): void {
    this.#ended.add(side);
    const other = otherOf(side);
    if (this.#left[other].length > 0) this.fail(this.#tooMany(other));
  }

  /** The comparison is over: whoever waits is released with this error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  async #compare(): Promise<void> {
    const { source, target } = this.#left;
    const count = Math.min(source.length, target.length);
    const ours = source.splice(0, count);
    const theirs = target.splice(0, count);
    const values = await this.#schemas.mapValues(this.#compared.topic, ours);
    ours.forEach((record, at) => {
      const difference = copyDifference(record, values[at]!, theirs[at]!);
      if (difference !== null) throw this.#different(record, theirs[at]!, difference);
    });
    this.records += count;
    this.#onCompared(count);
    for (const side of ["source", "target"] as const) {
      if (this.#left[side].length > 0) continue;
      this.#waiting.get(side)?.resolve();
      this.#waiting.delete(side);
    }
  }

  #different(source: ConsumedRecord, copy: ConsumedRecord, difference: string): PermanentError {
    return refusal(
      `${this.#name}: the record at offset ${copy.offset} of the target has ${difference} than the source's at ${source.offset}`,
      this.#compared.topic,
    );
  }

  #tooMany(side: Side): PermanentError {
    const first = this.#left[side][0]!;
    return refusal(
      `${this.#name}: after ${this.records} records that are the same, the ${side} has more (at its offset ${first.offset}), the ${
        otherOf(side)
      } has none`,
      this.#compared.topic,
    );
  }

  get #name(): string {
    return `${this.#compared.topic.name}-${this.#compared.partition}`;
  }
}

const refusal = (message: string, { name }: Topic): PermanentError =>
  new PermanentError(message, {
    hint: `The copy is not usable. Delete the topic ${name} in the target, and copy again.`,
  });
