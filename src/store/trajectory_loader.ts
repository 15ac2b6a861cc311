/**
 * The loader: writes one batch of one partition to the database, in one transaction, once.
 *
 *     begin, COPY into the staging table               ── takes no lock that others wait for (see stage.ts)
 *     lock against showers being settled
 *     move the partition's offset from first to next   ── not at first? another consumer moved it: nothing is written
 *     add missing showers and stations
 *     for each pass (every id at most once):
 *       merge into meteor, participating_station       ── see merge.ts for the rules
 *       mark withdrawn ones
 *     remember the generations of repeats and of rows that confirm records stand for
 *     settle the codes of showers that are mentioned with a new code (rare: the batch is restarted for it)
 *     mark replayed dead letters, record which file had which trajectories, count for the runs
 *     commit
 *
 * An id that occurs twice in a batch goes into two passes, so a batch ends as if its records had been written one by one, whatever
 * its size. Nearly every batch is one pass. Records that only repeat what a row has are sorted out before (repeats.ts).
 *
 * A loader has its own connection. After any failure the connection is dropped, which rolls back, and the next batch opens a new
 * one. So there is no state to repair, and the driver need not be trusted after an error.
 */
import { PermanentError } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { confirm } from "./confirmations.ts";
import { advanceOffset } from "./consumer_offsets.ts";
import { MARK_REPLAYED } from "./dead_letters.ts";
import { withDatabaseErrors } from "./database_errors.ts";
import { type LoaderSession, openLoaderSession, type SessionSql } from "./loader_session.ts";
import {
  ADD_STATIONS,
  MERGE_METEORS,
  type Merged,
  REPLACE_STATIONS,
  WITHDRAW_METEORS,
  type WithdrawalRow,
} from "./merge.ts";
import { findRepeats, type RecordMark, rememberRepeats, type Repeats } from "./repeats.ts";
import { RunTally } from "./run_tally.ts";
import { ContestedShower, LOCK_SHOWERS, ShowerSettlement } from "./shower_codes.ts";
import { ADD_FILE_MEMBERS, membersOf } from "./source_file_members.ts";
import { COPY_STAGE, StageEncoder } from "./stage.ts";
import { storable } from "./storable.ts";
import { type BatchPasses, splitIntoPasses } from "./batch_passes.ts";
import {
  confirmedBy,
  isRepeat,
  type LoadCounts,
  type TrajectoryBatch,
  type TrajectoryWithdrawal,
} from "./trajectory_batch.ts";

/** Writes batches of trajectories, one at a time. */
export interface TrajectoryLoader {
  /**
   * Writes the batch, completely or not at all.
   * @throws OffsetMismatchError when the database is not at `batch.firstOffset`; nothing was written: read the offset and seek
   * @throws DataRefusedError when a value can't be stored; with `offset` and `field` where they are known, otherwise loading the
   *   two halves shows which half it is in
   * @throws TransientError after a lost connection, a deadlock, a time-out, …: it is unknown whether the batch was written. Load
   *   it again; if it was written, that throws an OffsetMismatchError.
   */
  load(batch: TrajectoryBatch): Promise<LoadCounts>;
  /**
   * Which of these records say what the data store already has. Valid as long as no other batch of their partition is loaded.
   * @throws TransientError after a lost connection, a time-out, …
   */
  findRepeats(marks: readonly RecordMark[]): Promise<Repeats>;
  /** Closes the connection; a running load fails. */
  close(): Promise<void>;
}

/** A batch takes a second at most. A database that takes longer than this hangs, or a checkpoint overloads its disk. */
const LOAD_MS_MAX = 120_000;
/**
 * A loader that is silent for this long in the middle of a batch is a process that hangs (frozen, swapped out). Its locks would
 * block the process that takes over its partitions, which Kafka's session time-out allows after half a minute.
 */
const SILENCE_MS_MAX = 20_000;
/** The server's own limits per statement. A server that is merely busy then reports it, and releases its locks. */
const serverLimits = (ms: number): Readonly<Record<string, string>> => ({
  statement_timeout: `${Math.ceil(ms / 2)}ms`,
  idle_in_transaction_session_timeout: `${Math.min(Math.ceil(ms / 2), SILENCE_MS_MAX)}ms`,
});

export interface LoaderOptions {
  /** `postgres://…` */
  readonly url: string;
  /** See `DriverOptions`. */
  readonly searchPath?: string | undefined;
  readonly observe: Observe;
  /** Milliseconds that a load may take (default `LOAD_MS_MAX`). */
  readonly timeout_ms?: number;
}

/** A loader; it connects at the first batch. */
export function createTrajectoryLoader(options: LoaderOptions): TrajectoryLoader {
  const timeout_ms = options.timeout_ms ?? LOAD_MS_MAX;
  let session: Promise<LoaderSession> | null = null;
  let loading = false;
  const encoder = new StageEncoder();

  async function drop(): Promise<void> {
    const dropped = session;
    session = null;
    await dropped?.then((it) => it.close(), () => {});
  }
  async function inOneCall<T>(work: (sql: SessionSql) => Promise<T>): Promise<T> {
    if (loading) throw new PermanentError("a loader loads one batch at a time");
    loading = true;
    try {
      return await withDatabaseErrors(async () => {
        session ??= openLoaderSession(options, serverLimits(timeout_ms));
        return await (await session).within(timeout_ms, work);
      });
    } catch (error) {
      await drop();
      throw error;
    } finally {
      loading = false;
    }
  }
  return {
    load: (batch) => inOneCall((sql) => loadBatch(sql, encoder, batch)),
    findRepeats: (marks) => inOneCall((sql) => findRepeats(sql, marks)),
    close: drop,
  };
}

async function loadBatch(
  sql: SessionSql,
  encoder: StageEncoder,
  batch: TrajectoryBatch,
): Promise<LoadCounts> {
  const split = splitIntoPasses(batch);
  try {
    return await writeBatch(sql, encoder, batch, split, new ShowerSettlement(false));
  } catch (error) {
    if (!(error instanceof ContestedShower)) throw error;
    await sql.run("ROLLBACK");
    return await writeBatch(sql, encoder, batch, split, new ShowerSettlement(true));
  }
}

async function writeBatch(
  sql: SessionSql,
  encoder: StageEncoder,
  batch: TrajectoryBatch,
  { passes, confirmations }: BatchPasses,
  showers: ShowerSettlement,
): Promise<LoadCounts> {
  const counts: Counts = {
    inserted: 0,
    updated: 0,
    unchanged: 0,
    stale: 0,
    duplicates: 0,
    withdrawn: 0,
    confirmed: 0,
    unknown: 0,
  };
  const tally = new RunTally(batch);
  encoder.clear();
  await sql.run("BEGIN");
  if (passes.some(({ upserts }) => upserts.length > 0)) {
    const rows = encoder.encode(
      passes.map(({ upserts }) => upserts),
      (row) => tally.countedFor(row),
    );
    await sql.copy(COPY_STAGE, rows);
  }
  // Pipelined: the statements wait for each other on the server, without a round trip each.
  const fenced = Promise.all([
    sql.run(showers.exclusive ? LOCK_SHOWERS.exclusive : LOCK_SHOWERS.shared),
    advanceOffset(sql.run, batch),
  ]);
  const remember = async () => {
    const [unknown] = await Promise.all([
      confirm(sql, batch.partition, confirmations),
      rememberRepeats(sql, batch.changes.filter(isRepeat)),
      showers.settle(sql),
    ]);
    counts.unknown += unknown;
  };
  // Most batches of an unchanged file have no pass: its small files are mostly round trips.
  if (passes.length === 0) await Promise.all([fenced, remember()]);
  else {
    await fenced;
    await writePasses(sql, encoder, passes, { batch, showers, counts, tally });
    await remember();
  }
  // The COMMIT is sent without waiting for these, so everything before must have succeeded.
  await Promise.all([
    markReplayed(sql, batch),
    addFileMembers(sql, batch),
    tally.write(sql),
    sql.run("COMMIT"),
  ]);
  counts.unchanged = batch.changes.length - counts.inserted - counts.updated - counts.stale -
    counts.duplicates -
    counts.withdrawn;
  for (const change of batch.changes) counts.confirmed += confirmedBy(change)?.length ?? 0;
  return counts;
}

/** The counts of a batch that is being written. */
type Counts = { -readonly [Name in keyof LoadCounts]: number };

/** Merges and withdraws what the passes say, one pass after the other. */
async function writePasses(
  sql: SessionSql,
  encoder: StageEncoder,
  passes: BatchPasses["passes"],
  { batch: { partition }, showers, counts, tally }: {
    readonly batch: TrajectoryBatch;
    readonly showers: ShowerSettlement;
    readonly counts: Counts;
    readonly tally: RunTally;
  },
): Promise<void> {
  await showers.mention(sql, encoder.showers);
  if (encoder.stations.size > 0) await sql.run(ADD_STATIONS, [[...encoder.stations].sort()]);
  for (const [at, pass] of passes.entries()) {
    if (pass.upserts.length > 0) {
      const merged = await merge(sql, partition, at, showers);
      counts.inserted += merged.inserted;
      counts.updated += merged.updated;
      counts.stale += merged.stale;
      counts.duplicates += merged.duplicates;
      tally.add(merged.outcomes);
    }
    if (pass.withdrawals.length > 0) {
      const withdrawn = await withdraw(sql, partition, pass.withdrawals);
      counts.withdrawn += withdrawn.withdrawn;
      counts.stale += withdrawn.stale;
    }
    counts.unknown += await confirm(sql, partition, pass.confirmations);
  }
}

async function merge(
  sql: SessionSql,
  partition: number,
  pass: number,
  showers: ShowerSettlement,
): Promise<Merged> {
  const [merged] = await sql.run<Merged>(MERGE_METEORS, [partition, pass]);
  if (merged === undefined) throw new PermanentError("the merge gave no counts");
  await showers.leave(sql, merged.left_showers);
  if (merged.restationed.length > 0) {
    await Promise.all(
      REPLACE_STATIONS.map((statement) => sql.run(statement, [merged.restationed])),
    );
  }
  return merged;
}

async function withdraw(
  sql: SessionSql,
  partition: number,
  withdrawals: readonly TrajectoryWithdrawal[],
): Promise<{ withdrawn: number; stale: number }> {
  const rows = withdrawals.map(({ id, lineage, at }): WithdrawalRow => ({
    id: storable(id),
    at: at.toISOString(),
    generated_at: lineage.sourceGeneratedAt?.toISOString() ?? null,
    source_file: lineage.sourceFile,
    source_line: lineage.sourceLine,
    run_id: lineage.runId,
    topic_offset: String(lineage.offset),
  }));
  const [counts] = await sql.run<{ withdrawn: number; stale: number }>(WITHDRAW_METEORS, [
    rows,
    partition,
  ]);
  return counts ?? { withdrawn: 0, stale: 0 };
}

/** When a record that replays a dead letter gets this far, the data store has it, or a newer record of its trajectory. */
async function markReplayed(sql: SessionSql, batch: TrajectoryBatch): Promise<void> {
  const rows = new Map<string, { letter_id: string; at: string; topic_offset: string }>();
  for (const { lineage: { replays, offset } } of batch.changes) {
    if (replays === undefined) continue;
    const letter_id = storable(replays.deadLetterId);
    if (rows.has(letter_id)) continue;
    rows.set(letter_id, { letter_id, at: replays.at.toISOString(), topic_offset: String(offset) });
  }
  if (rows.size > 0) await sql.run(MARK_REPLAYED, [[...rows.values()], batch.partition]);
}

async function addFileMembers(sql: SessionSql, batch: TrajectoryBatch): Promise<void> {
  const members = membersOf(batch);
  if (members.length > 0) await sql.run(ADD_FILE_MEMBERS, [members]);
}
