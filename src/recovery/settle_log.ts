/** What the guard does by itself: it binds a new data store to its log, and follows the log to a copy. */
import {
  appendLogIdentityEvent,
  type BindingDecision,
  type CopiedPartition,
} from "../events/log_identity.ts";
import type { Publisher } from "../events/publisher.ts";
import { DEAD_LETTER, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import type { Sql, TransactionSql } from "../store/connection.ts";
import type { StoredPosition } from "../store/consumer_offsets.ts";
import {
  capNextOffsets,
  markRowsWithoutRecord,
  type NewPosition,
  rebind,
  shiftRows,
} from "../store/log_binding.ts";
import type { LogFacts, LogVerdict } from "./log_verdict.ts";

interface SettleOptions {
  readonly sql: Sql;
  readonly publisher: Publisher;
}

/**
 * Settles a verdict that needs it. The event is appended first: after a crash in between, the next check does the rest.
 * @throws TransientError when log or database are unavailable, PermanentError when another process has settled it in the meantime
 */
export async function settleLog(
  { sql, publisher }: SettleOptions,
  facts: LogFacts,
  { logId, settle }: Extract<LogVerdict, { readonly kind: "ok" }>,
): Promise<void> {
  if (settle.type === "nothing") return;
  const decision: BindingDecision = settle.type === "bind" ? "first" : "moved";
  await recordBinding(publisher, facts, logId, decision);
  await rebind(sql, {
    logId,
    decision,
    expected: facts.positions,
    positions: settle.type === "bind"
      ? facts.positions.map((position) => begunAt(position, facts))
      : facts.positions.map((position) => mapped(position, settle.ends, facts)),
    also: async (transaction) => {
      if (settle.type === "move") await moveRows(transaction, settle.ends);
    },
  });
}

/** Records in the log which data store works on it, unless it is on record already. */
export async function recordBinding(
  publisher: Publisher,
  { identity, binding: { dataStoreId } }: LogFacts,
  logId: string,
  decision: BindingDecision,
): Promise<void> {
  if (identity?.bound?.dataStoreId === dataStoreId) return;
  const at = new Date();
  await appendLogIdentityEvent(publisher, { type: "bound", logId, at, dataStoreId, decision });
}

/** The first binding: the log begins for this database where it begins now. */
function begunAt(
  { topic, partition, nextOffset, logStart }: StoredPosition,
  { watermarks }: LogFacts,
): NewPosition {
  const low = watermarks.get(topic)?.get(partition)?.low ?? logStart;
  return { topic, partition, nextOffset, logStart: low, keepsWitness: true };
}

/** The same place in the copy. */
function mapped(
  { topic, partition, nextOffset, logStart }: StoredPosition,
  ends: readonly CopiedPartition[],
  { watermarks }: LogFacts,
): NewPosition {
  const marks = watermarks.get(topic)?.get(partition);
  const copied = ends.find((end) => end.topic === topic && end.partition === partition);
  const base = { topic, partition, logStart: marks?.low ?? logStart, keepsWitness: false };
  if (copied === undefined) return { ...base, nextOffset: marks?.low ?? 0n };
  // Dead letters name a schema's id, which is another one here: they are loaded again, which replaces them.
  if (topic === DEAD_LETTER.name) return { ...base, nextOffset: copied.targetLow };
  return { ...base, nextOffset: isSame(copied) ? nextOffset : copied.targetEnd };
}

const isSame = ({ sourceLow, sourceEnd, targetLow, targetEnd }: CopiedPartition): boolean =>
  sourceLow === targetLow && sourceEnd === targetEnd;

/** Moves the rows' offsets along. Where records in between are missing, the rows count as not in the log. */
async function moveRows(
  transaction: TransactionSql,
  ends: readonly CopiedPartition[],
): Promise<void> {
  const raw = ends.filter(({ topic }) => topic === TRAJECTORY_SUMMARY_RAW.name);
  for (const copied of raw) {
    const { partition, sourceLow, sourceEnd, targetLow, targetEnd } = copied;
    const by = targetLow - sourceLow;
    if (targetEnd - sourceEnd === by && by !== 0n) await shiftRows(transaction, partition, by);
  }
  const isUneven = raw.some(({ sourceLow, sourceEnd, targetLow, targetEnd }) =>
    sourceEnd - sourceLow !== targetEnd - targetLow
  );
  const kept = raw.filter(({ sourceLow, sourceEnd, targetLow, targetEnd }) =>
    sourceEnd - sourceLow === targetEnd - targetLow
  ).map(({ partition, targetLow: low, targetEnd: high }) => ({ partition, low, high }));
  if (isUneven) await markRowsWithoutRecord(transaction, kept);
  if (!raw.every(isSame)) {
    await capNextOffsets(
      transaction,
      raw.map(({ partition, targetLow: low, targetEnd: high }) => ({ partition, low, high })),
    );
  }
}
