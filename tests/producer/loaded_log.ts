/**
 * A log in memory with a real database behind it: what the producer publishes is loaded by the real sink, when the test says so.
 */
import { Buffer } from "node:buffer";
import { TransientError } from "@gmn/failures";
import type { ConsumedRecord } from "../../src/events/consumed_record.ts";
import { OwnRecords } from "../../src/events/own_records.ts";
import type { OutgoingRecord, Publisher } from "../../src/events/publisher.ts";
import type { SchemaRegistry } from "../../src/events/schema_registry.ts";
import { type Topic, TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { createDeadLetterIds } from "../../src/dead_letters/dead_letter_ids.ts";
import { createTrajectorySink } from "../../src/consumer/trajectory_sink.ts";
import { unobserved } from "../../src/observe/observe.ts";
import {
  type Patience,
  UnchangedRows,
  type UnchangedRowsOptions,
} from "../../src/producer/unchanged_rows.ts";
import { readOffsets } from "../../src/store/consumer_offsets.ts";
import { findKnownLines } from "../../src/store/known_lines.ts";
import { createTrajectoryLoader } from "../../src/store/trajectory_loader.ts";
import { TRAJECTORY_SCHEMA_TEXT } from "../../src/trajectory/schema.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

const PARTITIONS = [0, 1, 2];
const { name: TOPIC } = TRAJECTORY_SUMMARY_RAW;
export const partitionOf = (key: string | null) => (key ?? "").charCodeAt(15) % PARTITIONS.length;

export interface LoadedLog extends AsyncDisposable {
  readonly database: TestDatabase;
  /** Records by partition. */
  readonly records: OutgoingRecord[][];
  /** What this process publishes with, until the next `restart`. */
  readonly publisher: Publisher;
  readonly unchanged: UnchangedRows;
  /** What `unchanged` is made of. */
  options(): UnchangedRowsOptions;
  /** Called before and after records are appended; may throw. */
  fault: (when: "before" | "after") => void | Promise<void>;
  /** Whether the consumer loads everything whenever the producer looks at its offsets. */
  follows: boolean;
  /** Appends a record of another process. */
  append(record: OutgoingRecord): void;
  /** Loads at most so many records of each partition. */
  load(most?: number): Promise<void>;
  /** As after a start of the process: it remembers nothing of what it published. */
  restart(): void;
  /** Empties log and database. */
  empty(): Promise<void>;
}

const NO_PATIENCE: Partial<Patience> = { look_ms: 0, stall_ms: 0, away_ms: 0 };

export async function createLoadedLog(): Promise<LoadedLog> {
  const database = await createTestDatabase();
  const registry = {
    writerSchema: () => Promise.resolve(TRAJECTORY_SCHEMA_TEXT),
  } as unknown as SchemaRegistry;
  const sink = createTrajectorySink({
    registry,
    observe: unobserved,
    giveUp: (letters) => {
      if (letters.length > 0) throw new Error(`dead letter: ${letters[0]?.reason}`);
      return Promise.resolve();
    },
    ids: createDeadLetterIds(() => true),
    createLoader: () => createTrajectoryLoader({ url: database.url, observe: unobserved }),
  });
  let own = new OwnRecords(TRAJECTORY_SUMMARY_RAW);

  async function publish(topic: Topic, records: readonly OutgoingRecord[]) {
    const noted = own.note(topic, records, partitionOf);
    await log.fault("before");
    const next = new Map<number, bigint>();
    if (topic !== TRAJECTORY_SUMMARY_RAW) return next;
    for (const record of records) {
      const partition = partitionOf(record.key);
      const first = BigInt(log.records[partition]!.push(record) - 1);
      noted?.appended(partition, { first, next: first + 1n });
      next.set(partition, first + 1n);
    }
    await log.fault("after");
    noted?.acknowledged();
    return next;
  }
  const optionsOf = (): UnchangedRowsOptions => ({
    find: (marks) => findKnownLines(database.sql, TOPIC, marks),
    async loaded() {
      if (log.follows) await log.load();
      return await readOffsets(database.sql, TOPIC);
    },
    ends: () => Promise.resolve(new Map(log.records.map((all, at) => [at, BigInt(all.length)]))),
    own,
    patience: NO_PATIENCE,
  });
  const process = () => {
    own = new OwnRecords(TRAJECTORY_SUMMARY_RAW);
    return {
      publisher: {
        publish,
        publishEach: () => Promise.reject(new Error("the producer asks for no single offsets")),
        schemaId: () => 1,
        partitionOf: (_topic: Topic, key: string) => partitionOf(key),
        close: () => Promise.resolve(),
      },
      unchanged: new UnchangedRows(optionsOf()),
    };
  };
  const log: LoadedLog & { publisher: Publisher; unchanged: UnchangedRows } = {
    ...process(),
    database,
    options: optionsOf,
    records: [[], [], []],
    fault: () => {},
    follows: false,
    append: (record) => void log.records[partitionOf(record.key)]!.push(record),
    async load(most = Infinity) {
      const offsets = await readOffsets(database.sql, TOPIC);
      for (const partition of PARTITIONS) {
        const firstOffset = offsets.get(partition) ?? 0n;
        const from = Number(firstOffset);
        const taken = log.records[partition]!.slice(from, from + most);
        if (taken.length === 0) continue;
        await sink.store({
          topic: TOPIC,
          partition,
          firstOffset,
          nextOffset: firstOffset + BigInt(taken.length),
          records: taken.map((record, at) => consumed(record, firstOffset + BigInt(at))),
        });
      }
    },
    restart: () => void Object.assign(log, process()),
    async empty() {
      await database.empty();
      // The service's consumer stores a partition's offset before its first record.
      for (const partition of PARTITIONS) {
        await database
          .sql`insert into consumer_offset (topic, partition, next_offset) values (${TOPIC}, ${partition}, 0)`;
      }
      log.records.forEach((records) => records.length = 0);
      log.fault = () => {};
      log.restart();
    },
    async [Symbol.asyncDispose]() {
      await sink.close();
      await database.drop();
    },
  };
  return log;
}

function consumed({ key, value, headers = {} }: OutgoingRecord, offset: bigint): ConsumedRecord {
  return {
    offset,
    timestamp: new Date(Date.UTC(2027, 0, 1)),
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [name, Buffer.from(text as string)]),
    ),
    size_bytes: 0,
  };
}

/** The broker does not answer. */
export const away = () => new TransientError("away");
