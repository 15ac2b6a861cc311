/**
 * Publishes again what the data store knows beside the values of its rows: that newer generations of files had them unchanged, which
 * trajectories each generation of a daily or monthly file has, how many records of each run were loaded, and which dead letters were
 * replayed. Each is a record that repeats a row, with headers that say the rest; for foreign consumers a repeat changes nothing.
 *
 * It must come after the rows in the log: a record that says "unchanged" is about values that the log has. And it must be complete when
 * rows are: with the counts of a run but without the trajectories of its files, trajectories would be withdrawn that the files still have.
 */
import { PermanentError } from "@gmn/failures";
import { createRecordOf } from "../dead_letters/replay_record.ts";
import type { OutgoingRecord } from "../events/publisher.ts";
import { HEADERS, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import { readDeadLetter } from "../store/dead_letters.ts";
import { readRunCounts, type RunCountsPlace } from "../store/run_counts.ts";
import {
  moveReplays,
  PAGE_ROWS,
  readAnyStoredRow,
  readMembers,
  readReplays,
  readStoredRowsById,
  type StoredReplay,
  type StoredRow,
  streamGenerations,
} from "../store/stored_rows.ts";
import { encodeTrajectory } from "../trajectory/codec.ts";
import { encodeTrajectoryIds } from "../wire_format/trajectory_ids.ts";
import { generationHeader, type Republishing } from "./republish.ts";

/** What was published, in records. */
export interface RepublishedRest {
  readonly generations: number;
  readonly members: number;
  readonly runCounts: number;
  readonly replays: number;
}

/** Ids in one record: as many as a producer's portion has. */
const IDS_PER_RECORD = 2_000;
/** Records that are published at a time: each may have 20 KB of ids. */
const RECORDS_PER_PUBLISH = 25;
/** Runs in one record: each takes a hundred bytes. */
const RUNS_PER_RECORD = 500;

/**
 * Publishes all of it, for one partition or for all. Repeating it changes nothing downstream.
 * @throws TransientError when broker, registry or database are unavailable, the signal's reason
 */
export async function republishRest(
  options: Republishing,
  partition: number | null = null,
): Promise<RepublishedRest> {
  const isWanted = (of: { readonly partition: number }) =>
    partition === null || of.partition === partition;
  return {
    generations: await republishGenerations(options, isWanted),
    members: await republishMembers(options, isWanted),
    runCounts: await republishRunCounts(options, isWanted),
    replays: await republishReplays(options, isWanted),
  };
}

type IsWanted = (of: { readonly partition: number }) => boolean;

/** Trajectories of one partition, of which one record says the same. */
interface Group {
  readonly partition: number;
  readonly generatedAt: Date;
  readonly file: string | null;
  readonly ids: string[];
  /** The trajectory that the record repeats. */
  carrier: string | null;
}

/** Publishes groups of ids, each as a record of one of its trajectories. */
class Confirmations {
  records = 0;
  #pending: Group[] = [];
  #group: Group | null = null;

  constructor(private readonly options: Republishing) {}

  /** Adds a trajectory: to the last group, when that is of the same file, generation and partition. */
  async add(
    of: Omit<Group, "ids" | "carrier"> & { readonly id: string; readonly isWithdrawn: boolean },
  ): Promise<void> {
    let group = this.#group;
    const isSame = group !== null && group.file === of.file && group.partition === of.partition &&
      group.generatedAt.getTime() === of.generatedAt.getTime();
    if (group === null || !isSame || group.ids.length >= IDS_PER_RECORD) {
      await this.end();
      const { partition, generatedAt, file } = of;
      this.#group = group = { partition, generatedAt, file, ids: [], carrier: null };
    }
    group.ids.push(of.id);
    // A withdrawn trajectory would come back for consumers that only know values and tombstones.
    if (!of.isWithdrawn) group.carrier ??= of.id;
  }

  /** Ends the last group. */
  async end(): Promise<void> {
    // Of a group with withdrawn trajectories only, nothing depends: what is withdrawn is in no comparison.
    if (this.#group !== null && this.#group.carrier !== null) this.#pending.push(this.#group);
    this.#group = null;
    if (this.#pending.length >= RECORDS_PER_PUBLISH) await this.flush();
  }

  /** Publishes what is pending. */
  async flush(): Promise<void> {
    const groups = this.#pending;
    this.#pending = [];
    if (groups.length === 0) return;
    const { sql, by, publisher, signal } = this.options;
    signal.throwIfAborted();
    const rows = await rowsById(sql, groups.map(({ carrier }) => carrier!));
    const records: OutgoingRecord[] = [];
    for (const group of groups) {
      let row = rows.get(group.carrier!);
      if (row !== undefined && !isPublishable(row, this.options)) {
        const others = await readStoredRowsById(sql, group.ids);
        row = others.find((other) =>
          other.withdrawnAt === null && isPublishable(other, this.options)
        );
      }
      if (row === undefined) continue;
      records.push(repeat(row, this.options, {
        [HEADERS.republished]: by,
        ...(group.file === null ? {} : { [HEADERS.sourceFile]: group.file }),
        ...generationHeader(group.generatedAt),
        [HEADERS.unchanged]: encodeTrajectoryIds(group.ids),
      }));
    }
    await publisher.publishEach(TRAJECTORY_SUMMARY_RAW, records);
    this.records += records.length;
  }
}

/** A record that repeats the values of a row, in the row's partition. */
function repeat(
  row: StoredRow,
  { publisher }: Republishing,
  headers: NonNullable<OutgoingRecord["headers"]>,
): OutgoingRecord {
  const value = encodeTrajectory(row.summary, publisher.schemaId(TRAJECTORY_SUMMARY_RAW));
  return { key: row.id, value, partition: row.partition, headers };
}

/** Whether a record can have the values of the row: somebody may have changed them by hand. */
function isPublishable(row: StoredRow, { publisher }: Pick<Republishing, "publisher">): boolean {
  try {
    encodeTrajectory(row.summary, publisher.schemaId(TRAJECTORY_SUMMARY_RAW));
    return true;
  } catch (error) {
    if (error instanceof PermanentError) return false;
    throw error;
  }
}

async function rowsById(
  sql: Republishing["sql"],
  ids: readonly string[],
): Promise<ReadonlyMap<string, StoredRow>> {
  return new Map((await readStoredRowsById(sql, ids)).map((row) => [row.id, row]));
}

async function republishGenerations(options: Republishing, isWanted: IsWanted): Promise<number> {
  const { publisher, by, sql } = options;
  const confirmations = new Confirmations(options);
  let tombstones = 0;
  for await (const page of streamGenerations(sql)) {
    const again: OutgoingRecord[] = [];
    for (const { id, partition, generatedAt, isWithdrawn } of page) {
      if (!isWanted({ partition })) continue;
      if (isWithdrawn) {
        const headers = { [HEADERS.republished]: by, ...generationHeader(generatedAt) };
        again.push({ key: id, value: null, partition, headers });
      } else await confirmations.add({ id, partition, generatedAt, isWithdrawn, file: null });
    }
    if (again.length > 0) await publisher.publishEach(TRAJECTORY_SUMMARY_RAW, again);
    tombstones += again.length;
  }
  await confirmations.end();
  await confirmations.flush();
  return confirmations.records + tombstones;
}

async function republishMembers(options: Republishing, isWanted: IsWanted): Promise<number> {
  const confirmations = new Confirmations(options);
  for await (const members of readMembers(options.sql)) {
    for (const member of members) if (isWanted(member)) await confirmations.add(member);
  }
  await confirmations.end();
  await confirmations.flush();
  return confirmations.records;
}

async function republishRunCounts(options: Republishing, isWanted: IsWanted): Promise<number> {
  const { sql, partitions, by, publisher, signal } = options;
  const topic = TRAJECTORY_SUMMARY_RAW.name;
  let records = 0;
  for (let partition = 0; partition < partitions; partition++) {
    if (!isWanted({ partition })) continue;
    const row = await readAnyStoredRow(sql, partition);
    // Nothing was loaded from this partition; a count of dead rows alone makes no difference to a comparison.
    if (row === null) continue;
    for (let after: RunCountsPlace | null = null;;) {
      signal.throwIfAborted();
      const counts = await readRunCounts(sql, topic, partition, { after, limit: RUNS_PER_RECORD });
      if (counts.length > 0) {
        const headers = {
          [HEADERS.republished]: by,
          ...generationHeader(row.sourceGeneratedAt),
          [HEADERS.runCounts]: JSON.stringify(counts),
        };
        await publisher.publishEach(TRAJECTORY_SUMMARY_RAW, [repeat(row, options, headers)]);
        records++;
      }
      if (counts.length < RUNS_PER_RECORD) break;
      after = counts.at(-1)!;
    }
  }
  return records;
}

async function republishReplays(options: Republishing, isWanted: IsWanted): Promise<number> {
  const { sql, publisher, by, signal, partitions } = options;
  const carrierOf = createReplayCarriers(options);
  let published = 0;
  for (let after = "";;) {
    signal.throwIfAborted();
    const page = await readReplays(sql, after);
    const replays: StoredReplay[] = [];
    const records: OutgoingRecord[] = [];
    for (const replay of page) {
      if (!isWanted(replay) && replay.partition < partitions) continue;
      const row = await carrierOf(replay);
      if (row === null) continue;
      replays.push(replay);
      records.push({
        ...repeat(row, options, {
          [HEADERS.republished]: by,
          ...generationHeader(row.sourceGeneratedAt),
          [HEADERS.deadLetterId]: replay.deadLetterId,
        }),
        timestamp: replay.replayedAt,
      });
    }
    const offsets = await publisher.publishEach(TRAJECTORY_SUMMARY_RAW, records);
    await moveReplays(
      sql,
      replays.map(({ deadLetterId }, at) => ({
        deadLetterId,
        partition: records[at]!.partition!,
        offset: offsets[at]!,
      })),
    );
    published += records.length;
    if (page.length < PAGE_ROWS) return published;
    after = page.at(-1)!.deadLetterId;
  }
}

/**
 * The row that the record of a replay repeats: that of the dead letter's trajectory, or (when it is not known or withdrawn) any of the
 * partition. Null when there is none.
 */
function createReplayCarriers(
  { sql, registry, publisher, partitions }: Republishing,
): (replay: StoredReplay) => Promise<StoredRow | null> {
  const recordOf = createRecordOf(registry, publisher.schemaId(TRAJECTORY_SUMMARY_RAW));
  return async ({ deadLetterId, partition }) => {
    const deadLetter = await readDeadLetter(sql, deadLetterId);
    const record = deadLetter === null ? null : await recordOf(deadLetter);
    const id = record !== null && "key" in record ? record.key : null;
    const [own] = id === null ? [] : await readStoredRowsById(sql, [id]);
    if (own?.withdrawnAt === null && isPublishable(own, { publisher })) return own;
    return await readAnyStoredRow(sql, partition < partitions ? partition : 0);
  };
}
