/**
 * Remembers what this process has published to a topic of late.
 *
 * Whoever reads the database and then publishes has to know what is in the log between the two. For each partition this has a range
 * of offsets without a record of anybody else, and the keys of the records in it:
 *
 *     database ──▶ from ┈┈ own records only ┈┈ to ──▶ end of the log
 *
 * A record of another process between two own ones begins a new range. So does a key that had to be forgotten, because the number of
 * keys is bounded. Keys are not forgotten as soon as they are loaded: somebody may still decide by what was read before that. Confirm
 * records change no trajectory: they are in the range, and their keys are not among the keys.
 */
import type { KeyPartitioner } from "@gmn/kafka-formats";
import type { OutgoingRecord } from "./publisher.ts";
import { HEADERS, type Topic } from "./topics.ts";

/**
 * Keys that are remembered for each partition, some 4 MB; the latest half of them always. A consumer that is further behind is waited
 * for, or not relied on. Keys stay when the database has loaded their records: somebody may have read it before that, and be about to
 * publish.
 */
const KEYS_MAX = 50_000;

/** Offsets from `first` (inclusive) to `next` (exclusive). */
export interface AppendedRange {
  readonly first: bigint;
  readonly next: bigint;
}

/** One call of `publish`; its methods are for the publisher. */
export interface NotedRecords {
  /** Some of the records of a partition are in the log. */
  appended(partition: number, range: AppendedRange): void;
  /** All records are in the log. */
  acknowledged(): void;
  /** The call has ended, perhaps in a failure: some records may be in the log and some not, and none is on its way any more. */
  ended(): void;
}

/** The records of one call in one partition. */
interface Part {
  readonly sequence: number;
  /** The offset after its last record so far. */
  next: bigint;
  isAcknowledged: boolean;
  /** The call has ended, whether the records were acknowledged or not. */
  isOver: boolean;
  /** Some of its keys are not remembered. */
  isForgotten: boolean;
}

/** The keys of some calls in one partition. */
class Keys {
  /** By key, the last call with a record of it. */
  readonly last = new Map<string, Part>();
  readonly parts = new Set<Part>();
}

class PartitionRecords {
  /** Empty at first: from -1 to -1 covers nothing that has been read. */
  #from = -1n;
  #to = -1n;
  /** Half of the keys each. When the newer half is full, the older one is forgotten as a whole. */
  #newer = new Keys();
  #older = new Keys();
  /** Calls with forgotten keys of which it is not known yet where their records are. */
  #unknown: Part[] = [];

  note(key: string, part: Part): void {
    if (this.#newer.last.size >= KEYS_MAX / 2) this.#forgetOlder();
    this.#newer.last.set(key, part);
    this.#newer.parts.add(part);
  }

  append(part: Part, { first, next }: AppendedRange): void {
    part.next = next;
    if (first !== this.#to) this.#from = first;
    this.#to = next;
    if (part.isForgotten) this.#from = next;
  }

  covers(from: bigint, to: bigint): boolean {
    return from >= to || (this.#from <= from && to <= this.#to);
  }

  forgetRange(): void {
    [this.#from, this.#to] = [-1n, -1n];
  }

  isNewer(key: string, sequence: number, loaded: bigint): boolean {
    if (this.#unknown.length > 0) {
      this.#unknown = this.#unknown.filter(({ isOver }) => !isOver);
      if (this.#unknown.length > 0) return true;
    }
    const part = this.#newer.last.get(key) ?? this.#older.last.get(key);
    return part !== undefined &&
      (part.sequence > sequence || !part.isAcknowledged || part.next > loaded);
  }

  #forgetOlder(): void {
    for (const part of this.#older.parts) {
      if (!part.isOver && !part.isForgotten) this.#unknown.push(part);
      part.isForgotten = true;
      if (part.next > this.#from) this.#from = part.next;
    }
    this.#older = this.#newer;
    this.#newer = new Keys();
  }
}

export class OwnRecords {
  readonly #topic: string;
  readonly #partitions = new Map<number, PartitionRecords>();
  #sequence = 0;

  constructor(topic: Topic) {
    this.#topic = topic.name;
  }

  /** Grows with every call of `publish`. Read it before the database is asked. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Notes the records of a call of `publish`, at the time of the call; undefined for another topic. */
  note(
    topic: Topic,
    records: readonly OutgoingRecord[],
    partitionOf: KeyPartitioner,
  ): NotedRecords | undefined {
    if (topic.name !== this.#topic) return undefined;
    const sequence = ++this.#sequence;
    const parts = new Map<number, Part>();
    for (const { key, headers, partition = partitionOf(key) } of records) {
      let part = parts.get(partition);
      if (part === undefined) {
        part = { sequence, next: -1n, isAcknowledged: false, isOver: false, isForgotten: false };
        parts.set(partition, part);
      }
      // Of a record without a key, only its value has the trajectory.
      if (key === null) part.isForgotten = true;
      else if (headers?.[HEADERS.unchanged] === undefined) this.#of(partition).note(key, part);
    }
    return {
      appended: (partition, range) => {
        const part = parts.get(partition);
        if (part !== undefined) this.#of(partition).append(part, range);
      },
      acknowledged: () =>
        parts.forEach((part) => {
          part.isAcknowledged = true;
          part.isOver = true;
        }),
      ended: () => parts.forEach((part) => part.isOver = true),
    };
  }

  /** Whether all records of the partition from `from` (inclusive) to `to` (exclusive) are own ones with remembered keys. */
  covers(partition: number, from: bigint, to: bigint): boolean {
    return this.#of(partition).covers(from, to);
  }

  /**
   * Whether an own record of the key may be in the log, or on its way there, that somebody has not seen who has read the database at
   * offset `loaded`, after `sequence`.
   */
  isNewer(partition: number, key: string, sequence: number, loaded: bigint): boolean {
    return this.#of(partition).isNewer(key, sequence, loaded);
  }

  /** Offsets mean something else from now on: another log has taken the place of this one. */
  forgetRanges(): void {
    for (const records of this.#partitions.values()) records.forgetRange();
  }

  #of(partition: number): PartitionRecords {
    let records = this.#partitions.get(partition);
    if (records === undefined) this.#partitions.set(partition, records = new PartitionRecords());
    return records;
  }
}
