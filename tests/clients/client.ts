/**
 * What the conformance suite asks of a Kafka client, whatever it is written in: the checks of `conformance.ts` are written
 * once against this, and each client says how it does these things.
 */

/** The codecs of the protocol; the position is the number in a batch's attributes. */
export const COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** A header; `null` is a header without a value, which is not an empty one. */
export type Header = readonly [name: string, value: Uint8Array | null];

/** A record to be produced. */
export interface NewRecord {
  readonly partition: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
}

/** A record as a client gave it back. */
export interface SeenRecord extends NewRecord {
  readonly offset: number;
}

/** How to produce. */
export interface ProduceOptions {
  readonly compression: Compression;
  /** With a producer id and sequences, so that a batch sent twice is stored once. */
  readonly idempotent: boolean;
}

/** A member of a consumer group that reads one topic from its beginning, or from where its group got to. */
export interface GroupMember {
  /** Gives what it is assigned now, and the records it got since the last time, in order. Lets poll-driven clients work. */
  poll(): Promise<{ assigned: readonly number[]; records: readonly SeenRecord[] }>;
  /** Commits the position after all that was polled. Clients that only commit by themselves do it in `leave`. */
  commit(): Promise<void>;
  /** Goes on from this offset. */
  seek(partition: number, offset: number): Promise<void>;
  /** Leaves the group in good order. Calling it again is harmless. */
  leave(): Promise<void>;
}

/** What a client can't do, whatever the broker. Each is a reason to skip one check. */
export type Ability =
  | "topics"
  | "nulls"
  | "repeated headers"
  | "null headers"
  | "binary"
  | "time"
  | "idempotence"
  | "seek"
  | Compression;

/** A client of the broker under test. */
export interface Client {
  /** What it can't do, with the reason. */
  readonly cannot: Partial<Record<Ability, string>>;
  /** Creates a topic with one replica. Rejects when it exists. */
  createTopic(topic: string, partitions: number): Promise<void>;
  deleteTopic(topic: string): Promise<void>;
  listTopics(): Promise<readonly string[]>;
  /** Produces the records, those of a partition in their order; resolves when all are acknowledged (acks=all). */
  produce(topic: string, records: readonly NewRecord[], options: ProduceOptions): Promise<void>;
  /** Reads `count` records of a partition from an offset on, without a group. */
  read(topic: string, partition: number, offset: number, count: number): Promise<SeenRecord[]>;
  /** Offset of the first record at or after a time; null when there is none. */
  offsetForTime(topic: string, partition: number, timestamp_ms: number): Promise<number | null>;
  /** Joins a group. */
  join(group: string, topic: string): Promise<GroupMember>;
  /** Ends it, members included. */
  close(): Promise<void>;
}

/** Opens a client of the broker at `host:port`. */
export type OpenClient = (broker: string) => Promise<Client>;
