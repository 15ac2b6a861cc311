/**
 * Which records of a log are those of its refill. Before one begins, all must be: the refill of a log that has other records would put old
 * values behind them. While it runs, another program may append, and what it appended must still be consumed: so gaps between the refill's
 * own offsets are remembered, and looked at in the end.
 */
import type { Kafka } from "../events/kafka_client.ts";
import { type PartitionRange, readLog } from "../events/log_reader.ts";
import type { OutgoingRecord, Publisher } from "../events/publisher.ts";
import { readWatermarks } from "../events/start_position.ts";
import { HEADERS, type Topic } from "../events/topics.ts";
import { retoldNumber } from "./retell_runs.ts";

/** Records of a part of the log. */
export interface FoundRecords {
  /** Those that a refill published. */
  readonly own: number;
  readonly foreign: number;
  /** The first foreign one of each partition. */
  readonly firstForeign: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly offset: bigint;
  }[];
  /** Events of runs that a refill told: the number of the last one plus one. */
  readonly retoldEvents: number;
}

/** All of the log: each partition of the topics between its watermarks. */
export async function wholeLog(kafka: Kafka, topics: readonly Topic[]): Promise<PartitionRange[]> {
  const ranges: PartitionRange[] = [];
  for (const { name: topic } of topics) {
    for (const [partition, { low, high }] of await readWatermarks(kafka, topic)) {
      ranges.push({ topic, partition, from: low, to: high });
    }
  }
  return ranges;
}

/** Looks at every record of the ranges. @throws TransientError when the broker is unavailable, the signal's reason */
export async function findOwnRecords(
  kafka: Kafka,
  ranges: readonly PartitionRange[],
  signal: AbortSignal,
): Promise<FoundRecords> {
  const first = new Map<string, FoundRecords["firstForeign"][number]>();
  let [own, foreign, retoldEvents] = [0, 0, 0];
  await readLog({
    kafka,
    ranges,
    signal,
    onRecords({ topic, partition, records }) {
      for (const { headers, offset } of records) {
        const mark = headers[HEADERS.republished];
        if (mark === undefined) {
          foreign++;
          const key = `${topic}-${partition}`;
          if (!first.has(key)) first.set(key, { topic, partition, offset });
        } else {
          own++;
          retoldEvents = Math.max(retoldEvents, (retoldNumber(String(mark)) ?? -1) + 1);
        }
      }
    },
  });
  return { own, foreign, firstForeign: [...first.values()], retoldEvents };
}

/** A publisher that remembers which offsets it appended. */
export class OwnAppends implements Pick<Publisher, "publishEach" | "partitionOf" | "schemaId"> {
  readonly #publisher: Pick<Publisher, "publishEach" | "partitionOf" | "schemaId">;
  /** Offsets that are not known to be own, except those from `#next` on. */
  readonly #gaps: PartitionRange[] = [];
  readonly #next = new Map<string, PartitionRange>();

  /** @param begun the log as it was when the refill began, all of it own */
  constructor(
    publisher: Pick<Publisher, "publishEach" | "partitionOf" | "schemaId">,
    begun: readonly PartitionRange[],
  ) {
    this.#publisher = publisher;
    for (const range of begun) {
      this.#next.set(`${range.topic}-${range.partition}`, { ...range, from: range.to });
    }
  }

  partitionOf(topic: Topic, key: string): number {
    return this.#publisher.partitionOf(topic, key);
  }

  schemaId(topic: Topic): number {
    return this.#publisher.schemaId(topic);
  }

  async publishEach(topic: Topic, records: readonly OutgoingRecord[]): Promise<readonly bigint[]> {
    if (records.length === 0) return [];
    const offsets = await this.#publisher.publishEach(topic, records);
    for (const [at, offset] of offsets.entries()) {
      const { partition = 0 } = records[at]!;
      const key = `${topic.name}-${partition}`;
      const from = this.#next.get(key)?.from ?? 0n;
      if (offset > from) this.#gaps.push({ topic: topic.name, partition, from, to: offset });
      this.#next.set(key, { topic: topic.name, partition, from: offset + 1n, to: offset + 1n });
    }
    return offsets;
  }

  /** Offsets of the log as it is now that this publisher did not append: repeated requests, or records of other programs. */
  unknownUpTo(now: readonly PartitionRange[]): PartitionRange[] {
    const tails = now.flatMap(({ topic, partition, to }) => {
      const from = this.#next.get(`${topic}-${partition}`)?.from ?? 0n;
      return from < to ? [{ topic, partition, from, to }] : [];
    });
    return [...this.#gaps, ...tails];
  }
}
