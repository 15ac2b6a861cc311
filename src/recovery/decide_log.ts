/**
 * The decisions about an undecided log: to adopt it as it is, or to read the source again into it.
 *
 *     adopt   bind ─▶ offsets to what this log has ─▶ rows without a record here are marked (topic_offset -1)
 *     reread  the same ─▶ files whose records this log lacks count as not ingested: the next run reads them
 *
 * A log whose records are those that were loaded (an older copy, a truncated one) keeps its offsets as far as it reaches. Any other is
 * read from its beginning, which is idempotent. The database is changed in one transaction; a running service notices the new binding
 * at its next check and goes on.
 */
import { PermanentError } from "@gmn/failures";
import type { BindingDecision } from "../events/log_identity.ts";
import { rangesOf, readLog } from "../events/log_reader.ts";
import type { Publisher } from "../events/publisher.ts";
import type { Watermarks } from "../events/start_position.ts";
import { createValueReader } from "../events/topic_sink.ts";
import {
  DEAD_LETTER,
  INGESTION_RUN,
  type Topic,
  TRAJECTORY_SUMMARY_RAW,
} from "../events/topics.ts";
import type { DeadLetter } from "../dead_letters/dead_letter.ts";
import type { StoredPosition } from "../store/consumer_offsets.ts";
import {
  capNextOffsets,
  countOnlyInStore,
  forgetDeadLetterOffsets,
  forgetFilesBeyond,
  forgetIngestedFiles,
  forgetLoadedCounts,
  type KeptRange,
  markRowsWithoutRecord,
  type NewPosition,
  rebind,
} from "../store/log_binding.ts";
import { forgetRunLeader } from "../store/run_leader.ts";
import { compareKeys, type KeyComparison, rowBefore } from "../store/log_keys.ts";
import { LogEye, type LogSources, readLogFacts } from "./log_facts.ts";
import { judgeLog, type LogFacts, type LogVerdict } from "./log_verdict.ts";
import { recordBinding } from "./settle_log.ts";

export interface DecisionSources extends LogSources {
  /** Not behind the gate. */
  readonly publisher: Publisher;
  readonly signal: AbortSignal;
}

/** What a decision would do, prepared from the facts. */
export interface PreparedDecision {
  readonly facts: LogFacts;
  readonly verdict: Exclude<LogVerdict, { readonly kind: "ok" }>;
  readonly logId: string;
  /** Everything in the log is loaded from its beginning. */
  readonly startsOver: boolean;
  readonly positions: readonly NewPosition[];
  /** The offsets of the trajectories' topic that are those that were loaded. */
  readonly kept: readonly KeptRange[];
}

/**
 * Looks at the log and prepares a decision; null when there is nothing to decide.
 * @throws PermanentError when the log has no identity, TransientError when log or database are unavailable
 */
export async function prepareDecision(sources: DecisionSources): Promise<PreparedDecision | null> {
  const eye = new LogEye(sources.kafka);
  try {
    const { facts } = await readLogFacts(sources, eye);
    const verdict = judgeLog(facts);
    if (verdict.kind === "ok") return null;
    const logId = facts.identity?.logId;
    if (logId === undefined) {
      throw new PermanentError("the log has no identity, so nothing can be bound to it", {
        hint: "start the service once on this log: it gives the log one",
      });
    }
    const startsOver = isOtherContent(facts, verdict.kind);
    const changed = startsOver ? new Set<number>() : await findRewritten(sources, facts, eye);
    const places = facts.positions.map((position) =>
      placeOf(position, marksOf(facts, position), startsOver, changed)
    );
    return {
      facts,
      verdict,
      logId,
      startsOver,
      positions: places.map(({ to }) => to),
      kept: places.flatMap(({ kept }) => kept === null ? [] : [kept]),
    };
  } finally {
    await eye.close();
  }
}

const EMPTY: Watermarks = { low: 0n, high: 0n };

const marksOf = ({ watermarks }: LogFacts, { topic, partition }: StoredPosition): Watermarks =>
  watermarks.get(topic)?.get(partition) ?? EMPTY;

/** Whether the log's offsets mean nothing to this database. */
function isOtherContent(facts: LogFacts, kind: LogVerdict["kind"]): boolean {
  const { identity, binding, positions } = facts;
  if (kind === "diverged") return true;
  if (binding.logId !== null) return identity?.logId !== binding.logId;
  // Never bound, and the log is another data store's: it is the same log only if it has all offsets.
  return positions.some((position) => {
    const { low, high } = marksOf(facts, position);
    return position.nextOffset < low || position.nextOffset > high;
  });
}

/**
 * Partitions of the trajectories that end before the database because they were written again, not because they lost their end: the
 * last row that they should have is not there.
 */
async function findRewritten(
  { sql }: DecisionSources,
  facts: LogFacts,
  eye: LogEye,
): Promise<ReadonlySet<number>> {
  const { name } = TRAJECTORY_SUMMARY_RAW;
  const rewritten = new Set<number>();
  for (const position of facts.positions) {
    const { topic, partition, nextOffset } = position;
    const { low, high } = marksOf(facts, position);
    if (topic !== name || high >= nextOffset) continue;
    const row = await rowBefore(sql, partition, high);
    if (row === null || row.offset < low) {
      rewritten.add(partition);
      continue;
    }
    const [record] = await eye.look((fetch) => fetch.recordsFrom(name, partition, row.offset));
    const isIt = record?.offset === row.offset && record.key?.toString("utf8") === row.id;
    if (!isIt) rewritten.add(partition);
  }
  return rewritten;
}

/** Where a partition is read from, and which of its offsets are known to hold what was loaded. */
function placeOf(
  position: StoredPosition,
  { low, high }: Watermarks,
  startsOver: boolean,
  rewritten: ReadonlySet<number>,
): { readonly to: NewPosition; readonly kept: KeptRange | null } {
  const { topic, partition, nextOffset, witness } = position;
  const isRaw = topic === TRAJECTORY_SUMMARY_RAW.name;
  const isShort = high < nextOffset;
  // The other topics are small and idempotent: one that lost its end is loaded again, whatever it has now.
  const isAgain = startsOver || (isShort && (!isRaw || rewritten.has(partition)));
  const next = isAgain || nextOffset < low ? low : isShort ? high : nextOffset;
  const keepsWitness = !isAgain && witness !== null && witness.offset >= low &&
    witness.offset < high;
  return {
    to: { topic, partition, nextOffset: next, logStart: low, keepsWitness },
    kept: isRaw && !isAgain ? { partition, low, high } : null,
  };
}

/** What only the data store has: a later rebuild from this log would lose it. */
export interface OnlyInDataStore {
  readonly trajectories: KeyComparison;
  readonly runs: KeyComparison;
  readonly deadLetters: KeyComparison;
}

/**
 * Counts it. Reads the keys of the log; of the trajectories' topic only if their offsets say nothing.
 * @throws TransientError when log or database are unavailable, and the signal's reason
 */
export async function countLosses(
  sources: DecisionSources,
  { facts, startsOver, kept }: PreparedDecision,
): Promise<OnlyInDataStore> {
  const { sql, registry } = sources;
  const decode = createValueReader<DeadLetter>(DEAD_LETTER, registry);
  const keys = (topic: Topic, table: "meteor" | "ingestion_run") =>
    compareKeys(
      sql,
      table,
      (add) =>
        readRecordsOf(sources, facts, topic, (records) =>
          add(records.flatMap(({ key }) =>
            key === null ? [] : [key.toString("utf8")]
          ))),
    );
  const byOffset = async (): Promise<KeyComparison> => {
    const { all, trajectories: onlyInStore } = await countOnlyInStore(sql, kept);
    return { all, onlyInStore };
  };
  return {
    trajectories: startsOver ? await keys(TRAJECTORY_SUMMARY_RAW, "meteor") : await byOffset(),
    runs: await keys(INGESTION_RUN, "ingestion_run"),
    // Their key is not their id.
    deadLetters: await compareKeys(
      sql,
      "dead_letter",
      (add) =>
        readRecordsOf(sources, facts, DEAD_LETTER, async (records) => {
          const ids: string[] = [];
          for (const record of records) {
            try {
              ids.push((await decode(record)).id);
            } catch (error) {
              // Not one of ours, or damaged: it can't be the record of a row.
              if (!(error instanceof PermanentError)) throw error;
            }
          }
          await add(ids);
        }),
    ),
  };
}

async function readRecordsOf(
  { kafka, signal }: DecisionSources,
  { watermarks }: LogFacts,
  { name }: Topic,
  take: (records: Parameters<ReturnType<typeof createValueReader>>[0][]) => Promise<void>,
): Promise<void> {
  await readLog({
    kafka,
    ranges: rangesOf(name, watermarks.get(name) ?? new Map()),
    signal,
    onRecords: ({ records }) => take(records.filter(({ unreadable }) => unreadable === undefined)),
  });
}

/** What a decision has changed. */
export interface DecisionDone {
  /** Rows that now count as not in the log. */
  readonly rowsMarked: number;
  /** Files that now count as not ingested. */
  readonly filesForgotten: number;
}

/**
 * Carries the decision out.
 * @throws DatabaseMovedError when the database has moved since it was prepared
 */
export async function decideLog(
  { sql, publisher }: DecisionSources,
  { facts, logId, startsOver, positions, kept }: PreparedDecision,
  decision: BindingDecision & ("adopt" | "reread"),
): Promise<DecisionDone> {
  let rowsMarked = 0, filesForgotten = 0;
  await recordBinding(publisher, facts, logId, decision);
  await rebind(sql, {
    logId,
    decision,
    expected: facts.positions,
    positions,
    async also(transaction) {
      rowsMarked = await markRowsWithoutRecord(transaction, kept);
      filesForgotten = decision === "reread"
        ? await forgetIngestedFiles(transaction, kept, { isAll: startsOver })
        : startsOver
        ? 0
        : await forgetFilesBeyond(transaction, kept);
      if (startsOver) {
        await forgetLoadedCounts(transaction, TRAJECTORY_SUMMARY_RAW.name);
        await forgetDeadLetterOffsets(transaction);
      } else await capNextOffsets(transaction, kept);
      // Epochs are those of the log that is read: of another log, or of this one from its beginning, they begin again.
      if (startsOver || isReadAgain(facts, positions)) await forgetRunLeader(transaction);
    },
  });
  return { rowsMarked, filesForgotten };
}

/** Whether the events of runs are read again from an earlier place. */
function isReadAgain(facts: LogFacts, positions: readonly NewPosition[]): boolean {
  const next = (all: readonly Pick<NewPosition, "topic" | "nextOffset">[]) =>
    all.find(({ topic }) => topic === INGESTION_RUN.name)?.nextOffset ?? 0n;
  return next(positions) < next(facts.positions);
}
