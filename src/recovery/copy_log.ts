/**
 * Copies a log to another broker: topics, schemas, records, and who it is.
 *
 *     look ─▶ topics created ─▶ schemas registered ─▶ positions found ─▶ records copied ─▶ compared ─▶ "copied" recorded in the target
 *       │ target of another data store, other partitions, another content ─▶ refused       │ differs ─▶ refused
 *
 * It may end anywhere: every step is found done, or goes on, when it is started again. The records that the source gets after the start
 * are left to the next run. Keys, values, headers, times, partitions and the order stay; offsets stay where the source begins at 0 and
 * has no gaps.
 */
import type { Buffer } from "node:buffer";
import { PermanentError } from "@gmn/failures";
import { createLogAppender, type LogAppender } from "../events/log_appender.ts";
import type { CopiedPartition } from "../events/log_identity.ts";
import { readLog, type ReadRecords } from "../events/log_reader.ts";
import type { ReplicationSettings } from "../events/replication.ts";
import { LOG_IDENTITY, type Topic, TOPICS } from "../events/topics.ts";
import type { Observe } from "../observe/observe.ts";
import { comparePartition } from "./compare_logs.ts";
import { type CopyPosition, findCopyPosition, type PartitionPair } from "./copy_position.ts";
import { createTopicsOfCopy, readTopicMarks, type TopicMarks } from "./copy_topics.ts";
import { type MappedSchema, SchemaMap } from "./map_schemas.ts";
import { type LogSide, readIdentities, recordCopy } from "./record_copy.ts";

/** How far a copy is. `compare` follows `copy`. */
export interface CopyProgress {
  readonly step: "copy" | "compare";
  /** Records; of `copy`, those that were in the target already count as done. */
  readonly done: number;
  readonly total: number;
}

export interface CopyOptions {
  readonly source: LogSide;
  readonly target: LogSide;
  /** For the topics created in the target. */
  readonly replication: ReplicationSettings | null;
  /** Whether batches of the source that can't be read are left out. Otherwise they end the copy. */
  readonly isUnreadableSkipped: boolean;
  readonly observe: Observe;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: CopyProgress) => void;
}

/** What was copied of one partition. */
export interface PartitionCopy extends CopiedPartition {
  /** All that the copy has, and those of this run. */
  readonly records: number;
  readonly copiedNow: number;
}

export interface LogCopy {
  readonly partitions: readonly PartitionCopy[];
  /** Schemas whose ids differ. */
  readonly schemas: readonly MappedSchema[];
  /** Ids in records that the source's registry does not know. */
  readonly unknownSchemaIds: readonly number[];
  /** Offsets of the source's batches that were left out, both inclusive. */
  readonly skipped: readonly SkippedBatch[];
  /** The log that was copied, where it has an identity, and the target's new one. */
  readonly fromLogId: string | null;
  readonly logId: string | null;
}

export interface SkippedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly first: bigint;
  readonly last: bigint;
  readonly reason: string;
}

/** Whether a partition's records have other offsets in the copy. */
export function isShifted(
  { sourceLow, sourceEnd, targetLow, targetEnd }: CopiedPartition,
): boolean {
  return sourceLow !== targetLow || sourceEnd !== targetEnd;
}

/**
 * Copies the log, or the rest of it, and compares all of it.
 * @throws PermanentError when source or target are unsuitable or the copy differs; TransientError when a broker or registry is
 *   unavailable; the signal's reason
 */
export async function copyLog(options: CopyOptions): Promise<LogCopy> {
  const { source, target, replication, observe } = options;
  const identities = await readIdentities(source, target);
  const marks = await readTopicMarks(source.kafka, TOPICS);
  if (marks.size === 0) {
    throw new PermanentError("the source has none of the service's topics", {
      hint: `It must be the log of a service: ${TOPICS.map(({ name }) => name).join(", ")}.`,
    });
  }
  await createTopicsOfCopy({
    source: source.kafka,
    target: target.kafka,
    marks,
    replication,
    observe,
  });
  const schemas = new SchemaMap(source.subjects, target.subjects);
  // The identity's records are not copied, but its schema has an id, too: without it, later schemas would get others.
  await schemas.registerAll([...marks.keys(), LOG_IDENTITY]);

  const pairs = pairUp(marks, await readTopicMarks(target.kafka, [...marks.keys()]));
  const copying = new Copying(options, schemas);
  for (const pair of pairs) {
    const position = await findCopyPosition(pair, {
      source: source.kafka,
      target: target.kafka,
      schemas,
      signal: options.signal,
    });
    copying.add(pair, position);
  }
  await copying.run();
  const partitions = await compare(copying.partitions, options, schemas);
  const logId = await recordCopy({ target, identities, partitions, replication, observe });
  return {
    partitions,
    schemas: schemas.mapped,
    unknownSchemaIds: [...schemas.unknown],
    skipped: copying.skipped,
    fromLogId: identities.source?.logId ?? null,
    logId,
  };
}

function pairUp(
  source: ReadonlyMap<Topic, TopicMarks>,
  target: ReadonlyMap<Topic, TopicMarks>,
): PartitionPair[] {
  return [...source].flatMap(([topic, partitions]) =>
    [...partitions].map(([partition, marks]) => ({
      topic,
      partition,
      source: marks,
      target: target.get(topic)!.get(partition)!,
    }))
  );
}

/** A partition while it is copied. */
interface CopiedSoFar {
  readonly pair: PartitionPair;
  readonly from: bigint;
  targetNext: bigint;
}

/** Reads the source's partitions in turns, and appends what was read before more is fetched. */
class Copying {
  readonly skipped: SkippedBatch[] = [];
  readonly #options: CopyOptions;
  readonly #schemas: SchemaMap;
  readonly #partitions = new Map<string, CopiedSoFar>();
  #done = 0;
  #total = 0;

  constructor(options: CopyOptions, schemas: SchemaMap) {
    this.#options = options;
    this.#schemas = schemas;
  }

  add(pair: PartitionPair, { sourceNext, targetNext }: CopyPosition): void {
    const { topic, partition, source } = pair;
    this.#partitions.set(`${topic.name}-${partition}`, { pair, from: sourceNext, targetNext });
    this.#done += Number(sourceNext - source.low);
    this.#total += Number(source.high - source.low);
  }

  async run(): Promise<void> {
    const { source, target, signal } = this.#options;
    const partitions = [...this.#partitions.values()];
    this.#tell();
    if (partitions.every(({ pair, from }) => from >= pair.source.high)) return;
    const appender = await createLogAppender(target.kafka);
    try {
      await readLog({
        kafka: source.kafka,
        ranges: partitions.map(({ pair: { topic, partition, source }, from }) => ({
          topic: topic.name,
          partition,
          from,
          to: source.high,
        })),
        signal,
        onRecords: (read) => this.#take(read, appender),
      });
    } finally {
      await appender.close();
    }
  }

  /** What is in the target now. */
  get partitions(): PartitionCopy[] {
    return [...this.#partitions.values()].map(({ pair, targetNext }) => ({
      topic: pair.topic.name,
      partition: pair.partition,
      sourceLow: pair.source.low,
      sourceEnd: pair.source.high,
      targetLow: pair.target.low,
      targetEnd: targetNext,
      records: Number(targetNext - pair.target.low),
      copiedNow: Number(targetNext - pair.target.high),
    }));
  }

  async #take({ topic: name, partition, records }: ReadRecords, appender: LogAppender) {
    const copied = this.#partitions.get(`${name}-${partition}`)!;
    const { topic } = copied.pair;
    for (const { unreadable } of records) {
      if (unreadable === undefined) continue;
      const { firstOffset: first, lastOffset: last, reason } = unreadable;
      this.#skip({ topic: name, partition, first, last, reason });
    }
    const readable = records.filter(({ unreadable }) => unreadable === undefined);
    const values: (Buffer | null)[] = await this.#schemas.mapValues(topic, readable);
    copied.targetNext = await appender.append(
      name,
      partition,
      readable.map(({ key, headers, timestamp, size_bytes }, at) => ({
        key,
        value: values[at]!,
        headers,
        timestamp,
        size_bytes,
      })),
      copied.targetNext,
    );
    this.#done += readable.length;
    this.#tell();
  }

  #skip(batch: SkippedBatch): void {
    const { topic, partition, first, last, reason } = batch;
    if (!this.#options.isUnreadableSkipped) {
      throw new PermanentError(
        `${topic}-${partition}: offsets ${first} to ${last} of the source can't be read: ${reason}`,
        {
          hint:
            "deno task log verify finds all such batches, and deno task log repair publishes again what they held. " +
            "Or leave them out with --skip-unreadable: later records then get other offsets.",
        },
      );
    }
    this.skipped.push(batch);
  }

  #tell(): void {
    this.#options.onProgress?.({
      step: "copy",
      done: Math.min(this.#done, this.#total),
      total: this.#total,
    });
  }
}

/** Compares all partitions; returns them as they were given. @throws PermanentError for the first difference */
async function compare(
  partitions: readonly PartitionCopy[],
  { source, target, signal, onProgress }: CopyOptions,
  schemas: SchemaMap,
): Promise<readonly PartitionCopy[]> {
  const total = partitions.reduce((sum, { records }) => sum + records, 0);
  let done = 0;
  const onCompared = (records: number) => {
    done += records;
    onProgress?.({ step: "compare", done, total });
  };
  for (const partition of partitions) {
    await comparePartition(
      { ...partition, topic: TOPICS.find(({ name }) => name === partition.topic)! },
      { source: source.kafka, target: target.kafka, schemas, signal, onCompared },
    );
  }
  return partitions;
}
