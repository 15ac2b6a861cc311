/**
 * A source that changes, a producer that reads it portion by portion, a log, a data store, and the withdrawals: each moves by single
 * steps, in any order, and may be killed between any two.
 *
 * Real are the database with its loader and the sink of runs, the comparison of generations, and `Withdrawals`. The log is in memory. The
 * producer does what `take_file.ts` and `portion_publisher.ts` do, in generators: a killed one is dropped, and the next one goes on at
 * the checkpoint that is in the log.
 */
import { Buffer } from "node:buffer";
import { createRunSink } from "../../src/consumer/run_sink.ts";
import type { OutgoingRecord } from "../../src/events/publisher.ts";
import { schemaText } from "../../src/events/schema_files.ts";
import type { SchemaRegistry } from "../../src/events/schema_registry.ts";
import { HEADERS, INGESTION_RUN, TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { createValueCodec } from "../../src/events/wire_values.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { evolve, NO_ROWS, type RunState } from "../../src/runs/run.ts";
import type { NextOffsets, RunEvent } from "../../src/runs/run_event.ts";
import { type RunEventRecord, toRecord } from "../../src/runs/run_event_record.ts";
import { createTrajectoryLoader } from "../../src/store/trajectory_loader.ts";
import type { TrajectoryChange } from "../../src/store/trajectory_batch.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { summaryOf } from "../support/trajectories.ts";
import { SteppedWithdrawals } from "./stepped_withdrawals.ts";

/** Of the trajectories' topic. */
export const PARTITIONS = 2;
const PORTION_ROWS = 2;
const codec = createValueCodec<RunEventRecord>(INGESTION_RUN);

/** A record of the trajectories' topic. */
export interface LogRecord {
  readonly id: string;
  readonly isTombstone: boolean;
  readonly file: string;
  readonly stamp: Date;
  readonly runId: string;
  /** The ids that a confirm record stands for. */
  readonly confirms?: readonly string[];
  /** In a record batch that can't be read. */
  isLost?: boolean;
}

/** What the source has under a path. */
export interface Version {
  readonly stamp: Date;
  readonly ids: readonly string[];
}

/** The version of a file that a run has opened: its ETag says everything. */
export function versionOf({ etag }: { readonly etag: string | null }): Version {
  const [stamp, ...ids] = etag!.split(" ");
  return { stamp: new Date(Number(stamp)), ids: ids.filter((id) => id !== "") };
}

/** Runs are read in two lanes at once. */
export type Lane = 0 | 1;

interface Reader {
  readonly runId: string;
  steps: AsyncGenerator<void>;
}

export class WithdrawalWorld implements AsyncDisposable {
  readonly raw: LogRecord[][] = Array.from({ length: PARTITIONS }, () => []);
  readonly journal: RunEvent[] = [];
  readonly source = new Map<string, Version>();
  readonly passes: SteppedWithdrawals;
  /** How many records of each partition are loaded, and how many of the journal. */
  readonly #loaded = new Array<number>(PARTITIONS).fill(0);
  #projected = 0;
  readonly #ofRun = new Map<string, RunState>();
  /** The ETag that a file had when it was last read to its end. */
  readonly #extracted = new Map<string, string>();
  readonly #lanes: (Reader | null)[] = [null, null];
  readonly #loader;
  readonly #runSink;
  #runs = 0;

  private constructor(readonly database: TestDatabase) {
    this.#loader = createTrajectoryLoader({ url: database.url, observe: unobserved });
    const registry = {
      writerSchema: () => Promise.resolve(schemaText(INGESTION_RUN.schemaFile)),
    } as unknown as SchemaRegistry;
    this.#runSink = createRunSink({ sql: database.sql, registry, observe: unobserved });
    this.passes = new SteppedWithdrawals(database.sql, (records) => this.#append(records));
  }

  static async create(): Promise<WithdrawalWorld> {
    return new WithdrawalWorld(await createTestDatabase());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.passes.kill();
    await this.#loader.close();
    await this.database.drop();
  }

  /** Requests a run of these files, if the lane is free. */
  request(lane: Lane, files: readonly string[]): void {
    if (this.#lanes[lane] !== null) return;
    const runId = `run-${String(++this.#runs).padStart(6, "0")}`;
    this.#write({
      type: "requested",
      runId,
      kind: lane === 0 ? "daily" : "backfill",
      selection: { days: 1 },
      requestedBy: "cli",
      idempotencyKey: null,
    });
    this.#lanes[lane] = { runId, steps: this.#read(runId, files) };
  }

  /** One step of the run in a lane. @returns whether there was one to take */
  async work(lane: Lane): Promise<boolean> {
    const reader = this.#lanes[lane];
    if (reader === null) return false;
    const { done } = await reader.steps.next();
    if (done === true) this.#lanes[lane] = null;
    return true;
  }

  /** Kills the process that reads and withdraws. The next one goes on with its runs. */
  async crash(): Promise<void> {
    await this.passes.kill();
    for (const reader of this.#lanes) {
      if (reader !== null) reader.steps = this.#read(reader.runId, []);
    }
  }

  /** Loads at most so many records of a partition. @returns whether there were any */
  async load(partition: number, most = Infinity): Promise<boolean> {
    const from = this.#loaded[partition]!;
    const records = this.raw[partition]!.slice(from, from + most);
    if (records.length === 0) return false;
    await this.#loader.load({
      topic: TRAJECTORY_SUMMARY_RAW.name,
      partition,
      firstOffset: BigInt(from),
      nextOffset: BigInt(from + records.length),
      changes: records.flatMap((record, at) =>
        record.isLost === true ? [] : [changeOf(record, from + at)]
      ),
      dead: [],
    });
    this.#loaded[partition] = from + records.length;
    return true;
  }

  /** Projects at most so many events of runs. @returns whether there were any */
  async project(most = Infinity): Promise<boolean> {
    const from = this.#projected;
    const events = this.journal.slice(from, from + most);
    if (events.length === 0) return false;
    await this.#runSink.store({
      topic: INGESTION_RUN.name,
      partition: 0,
      firstOffset: BigInt(from),
      nextOffset: BigInt(from + events.length),
      records: events.map((event, at) => ({
        offset: BigInt(from + at),
        timestamp: event.at,
        key: Buffer.from(event.runId),
        value: codec.encode(toRecord(event), 1),
        headers: {},
        size_bytes: 0,
      })),
    });
    this.#projected = from + events.length;
    return true;
  }

  /** Makes the last record of a partition unreadable, unless it is loaded. */
  damage(partition: number): void {
    const record = this.raw[partition]!.at(-1);
    const isLoaded = this.#loaded[partition] === this.raw[partition]!.length;
    if (record !== undefined && !isLoaded && !record.isTombstone) record.isLost = true;
  }

  /** Reads, loads and withdraws until nothing is left to do. */
  async finish(): Promise<void> {
    for (const lane of [0, 1] as const) while (await this.work(lane));
    for (let quiet = 0; quiet < 2;) {
      await this.project();
      let isLoaded = false;
      for (let at = 0; at < PARTITIONS; at++) if (await this.load(at)) isLoaded = true;
      const before = this.#end();
      await this.passes.run();
      quiet = isLoaded || this.#end() !== before ? 0 : quiet + 1;
    }
  }

  /** Forgets what is on record of these files, so that the rest of their play costs nothing in the next ones. */
  async forget(files: readonly string[]): Promise<void> {
    const { sql } = this.database;
    for (const table of ["source_file_member", "source_file_witness", "ingestion_file"]) {
      await sql`delete from ${sql(table)} where file = any(${[...files]})`;
    }
  }

  #end(): number {
    return this.raw.reduce((sum, records) => sum + records.length, 0);
  }

  #write(event: { readonly type: RunEvent["type"] } & Record<string, unknown>): void {
    const written = { ...event, at: new Date(Date.UTC(2027, 0, 1)) } as unknown as RunEvent;
    this.journal.push(written);
    this.#ofRun.set(written.runId, evolve(this.#ofRun.get(written.runId) ?? null, written)!);
    if (written.type === "file_extracted") {
      this.#extracted.set(written.file, written.identity.etag!);
    }
  }

  #append(records: readonly OutgoingRecord[]): ReadonlyMap<number, bigint> {
    return this.#publish(records.map(({ key, headers = {} }) => ({
      id: key!,
      isTombstone: true,
      file: String(headers[HEADERS.sourceFile]),
      stamp: new Date(String(headers[HEADERS.sourceGeneratedAt])),
      runId: String(headers[HEADERS.runId]),
    })));
  }

  #publish(records: readonly LogRecord[]): Map<number, bigint> {
    const next = new Map<number, bigint>();
    for (const record of records) {
      const partition = partitionOf(record.id);
      next.set(partition, BigInt(this.raw[partition]!.push(record)));
    }
    return next;
  }

  async *#read(runId: string, planned: readonly string[]): AsyncGenerator<void> {
    const stateOf = () => this.#ofRun.get(runId)!;
    this.#write({ type: "started", runId, owner: "a" });
    if (stateOf().files === null) this.#write({ type: "planned", runId, files: planned });
    yield;
    for (const { file, status } of stateOf().files!.values()) {
      if (status !== "planned" && status !== "reading") continue;
      yield* this.#readFile(runId, file);
      yield;
    }
    const { nextOffsets } = stateOf();
    this.#write({ type: "completed", runId, nextOffsets });
  }

  async *#readFile(runId: string, file: string): AsyncGenerator<void> {
    const version = this.source.get(file)!;
    const { stamp: generatedAt, ids } = version;
    const identity = {
      size_bytes: ids.length,
      etag: `${generatedAt.getTime()} ${ids.join(" ")}`,
      lastModified: null,
      listed: null,
    };
    if (this.#extracted.get(file) === identity.etag) {
      this.#write({ type: "file_skipped", runId, file, reason: "unchanged", identity });
      return;
    }
    const before = this.#ofRun.get(runId)!.files!.get(file)!;
    const isResumed = before.checkpoint !== null && before.identity?.etag === identity.etag;
    if (!isResumed) {
      this.#write({ type: "file_started", runId, file, identity });
      yield;
    }
    let rows = isResumed ? before.rows : NO_ROWS;
    const next: Record<number, number> = {};
    const nextOffsets = (): NextOffsets => ({ ...next });
    for (let at = isResumed ? before.checkpoint!.byteOffset : 0; at < ids.length;) {
      const portion = await this.#portion(ids.slice(at, at + PORTION_ROWS), {
        file,
        stamp: generatedAt,
        runId,
      });
      for (const [partition, end] of this.#publish(portion.records)) next[partition] = Number(end);
      at = Math.min(at + PORTION_ROWS, ids.length);
      rows = {
        read: at,
        published: rows.published + portion.published,
        unchanged: rows.unchanged + portion.unchanged,
        rejected: 0,
      };
      yield;
      const checkpoint = { byteOffset: at, lineNumber: at };
      this.#write({
        type: "file_progress",
        runId,
        file,
        generatedAt,
        checkpoint,
        rows,
        nextOffsets: nextOffsets(),
      });
      yield;
    }
    this.#write({
      type: "file_extracted",
      runId,
      file,
      identity,
      generatedAt,
      rows,
      nextOffsets: nextOffsets(),
    });
  }

  /** The records of some lines: one stands for those of a partition that the data store certainly has. */
  async #portion(ids: readonly string[], of: Pick<LogRecord, "file" | "stamp" | "runId">) {
    const records: LogRecord[] = [];
    const standing = new Set(
      (await this.database.sql<{ id: string }[]>`
        select id from meteor where id = any(${[
        ...ids,
      ]}) and withdrawn_at is null and topic_offset >= 0`)
        .map(({ id }) => id),
    );
    const isSame = (id: string) =>
      standing.has(id) &&
      this.#loaded[partitionOf(id)] === this.raw[partitionOf(id)]!.length;
    const same = Map.groupBy(ids.filter(isSame), partitionOf);
    const published = ids.filter((id) => !isSame(id));
    for (const id of published) records.push({ ...of, id, isTombstone: false });
    for (const confirms of same.values()) {
      records.push({ ...of, id: confirms[0]!, isTombstone: false, confirms });
    }
    return { records, published: published.length, unchanged: ids.length - published.length };
  }
}

export function partitionOf(id: string): number {
  return Number(id.at(-1)) % PARTITIONS;
}

function changeOf(record: LogRecord, offset: number): TrajectoryChange {
  const { id, file, stamp, runId, confirms } = record;
  const lineage = {
    offset: BigInt(offset),
    sourceFile: file,
    sourceLine: 1,
    sourceGeneratedAt: stamp,
    runId,
  };
  if (record.isTombstone) return { id, at: new Date(Date.UTC(2027, 0, 1)), lineage };
  return { summary: summaryOf(id), lineage, ...(confirms === undefined ? {} : { confirms }) };
}
