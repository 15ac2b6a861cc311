/**
 * Where the copy of a partition goes on, from what the target has of it.
 *
 *     target empty ─▶ the source's beginning
 *     its last record is the source's at the same place (as many records from the beginning) ─▶ after it
 *     else, as the source may have gaps (compaction, skipped batches) ─▶ counted from the source's beginning; the same there ─▶ after it
 *     else ─▶ refused: the target holds something else
 */
import { PermanentError } from "@gmn/failures";
import type { ConsumedRecord } from "../events/consumed_record.ts";
import type { Kafka } from "../events/kafka_client.ts";
import { readLog } from "../events/log_reader.ts";
import type { Watermarks } from "../events/start_position.ts";
import type { Topic } from "../events/topics.ts";
import { copyDifference } from "./copied_record.ts";
import type { SchemaMap } from "./map_schemas.ts";

/** The next offset to read of the source, and the offset that its record gets. */
export interface CopyPosition {
  readonly sourceNext: bigint;
  readonly targetNext: bigint;
}

/** A partition in both logs. */
export interface PartitionPair {
  readonly topic: Topic;
  readonly partition: number;
  readonly source: Watermarks;
  readonly target: Watermarks;
}

export interface PositionOptions {
  readonly source: Kafka;
  readonly target: Kafka;
  readonly schemas: SchemaMap;
  readonly signal: AbortSignal;
}

/**
 * Finds the position.
 * @throws PermanentError when the target holds something else than a beginning of the source; TransientError when a broker is
 *   unavailable
 */
export async function findCopyPosition(
  pair: PartitionPair,
  options: PositionOptions,
): Promise<CopyPosition> {
  const { source, target } = pair;
  const copied = target.high - target.low;
  if (copied === 0n) return { sourceNext: source.low, targetNext: target.high };
  if (copied > source.high - source.low) {
    throw holdsSomethingElse(
      pair,
      `it has ${copied} record(s), and the source only ${source.high - source.low}`,
    );
  }
  const last = await recordAt(options.target, pair, target.high - 1n, options.signal);
  if (last === null) throw holdsSomethingElse(pair, `its last record can't be read`);
  const position = (sourceNext: bigint): CopyPosition => ({ sourceNext, targetNext: target.high });
  const expected = source.low + copied;
  const there = await recordAt(options.source, pair, expected - 1n, options.signal);
  if (there !== null && await differenceOf(pair, there, last, options) === null) {
    return position(expected);
  }
  const counted = await countedRecord(pair, copied, options);
  const difference = counted === null
    ? `it has ${copied} record(s), and the source has fewer`
    : await differenceOf(pair, counted, last, options);
  if (counted !== null && difference === null) return position(counted.offset + 1n);
  throw holdsSomethingElse(
    pair,
    counted === null
      ? difference!
      : `its last record, at offset ${last.offset}, has ${difference} than the source's at offset ${counted.offset}`,
  );
}

async function differenceOf(
  { topic }: PartitionPair,
  source: ConsumedRecord,
  copy: ConsumedRecord,
  { schemas }: PositionOptions,
): Promise<string | null> {
  const [value] = await schemas.mapValues(topic, [source]);
  return copyDifference(source, value!, copy);
}

/** The record at an offset; null when there is none that can be read. */
async function recordAt(
  kafka: Kafka,
  { topic, partition }: PartitionPair,
  offset: bigint,
  signal: AbortSignal,
): Promise<ConsumedRecord | null> {
  let found: ConsumedRecord | null = null;
  await readLog({
    kafka,
    ranges: [{ topic: topic.name, partition, from: offset, to: offset + 1n }],
    signal,
    onRecords({ records }) {
      found = records.find((record) =>
        record.offset === offset && record.unreadable === undefined
      ) ??
        found;
    },
  });
  return found;
}

/** The source's record number `count`, counted from its beginning; null when it has fewer that can be read. */
async function countedRecord(
  { topic, partition, source }: PartitionPair,
  count: bigint,
  options: PositionOptions,
): Promise<ConsumedRecord | null> {
  const enough = new AbortController();
  let seen = 0n;
  let found: ConsumedRecord | null = null;
  try {
    await readLog({
      kafka: options.source,
      ranges: [{ topic: topic.name, partition, from: source.low, to: source.high }],
      signal: AbortSignal.any([options.signal, enough.signal]),
      onRecords({ records }) {
        const readable = records.filter(({ unreadable }) => unreadable === undefined);
        found ??= readable[Number(count - seen) - 1] ?? null;
        seen += BigInt(readable.length);
        if (found !== null) enough.abort();
      },
    });
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  }
  return found;
}

function holdsSomethingElse({ topic, partition }: PartitionPair, what: string): PermanentError {
  return new PermanentError(
    `${topic.name}-${partition} of the target is not a beginning of the source's: ${what}`,
    { hint: `Copy to an empty broker or folder, or delete the topic ${topic.name} in the target.` },
  );
}
