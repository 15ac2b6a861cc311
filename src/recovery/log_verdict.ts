/**
 * Decides whether a log is the one that a data store was built from. A pure function of what the log and the database say.
 *
 *     the log's id    bound to it?   ─no─▶ copied from the bound log, and the offsets fit ─▶ ok, moved
 *                        │                 no records ─▶ emptied    other records ─▶ another
 *                        ▼ yes (or never bound)
 *     its data store  this one?      ─no─▶ taken
 *                        ▼ yes
 *     its offsets     no records where some were ─▶ emptied   ends before the database ─▶ shorter
 *                     another record at a witness ─▶ diverged  begins after its known beginning ─▶ truncated
 *                        ▼ all fit
 *                       ok
 */
import type { CopiedPartition, LogIdentity } from "../events/log_identity.ts";
import type { Watermarks } from "../events/start_position.ts";
import type { LogBinding } from "../store/log_binding.ts";
import type { StoredPosition } from "../store/consumer_offsets.ts";

/** What the log and the database say. */
export interface LogFacts {
  /** Null when the log has no identity: its topic is missing or empty. */
  readonly identity: LogIdentity | null;
  /** Of the topics that the database is built from. A topic that is not in the log is missing. */
  readonly watermarks: ReadonlyMap<string, ReadonlyMap<number, Watermarks>>;
  readonly binding: LogBinding;
  readonly positions: readonly StoredPosition[];
  /**
   * By `topic-partition`: the digest of the record that the log has at the witness's offset, or null when it has none. A partition
   * whose witness could not be compared (before the beginning of the log, damaged, compacted away) is missing.
   */
  readonly witnesses: ReadonlyMap<string, bigint | null>;
  /** Members of the consumer group; looked up only for a database that was never bound. */
  readonly members: number;
}

export type UndecidedKind = "another" | "emptied" | "shorter" | "truncated" | "diverged" | "taken";

/** What the guard does by itself when the verdict is ok. */
export type Settling =
  | { readonly type: "nothing" }
  /** The first start of a data store on this log: the log is recorded in the database, and the data store in the log. */
  | { readonly type: "bind" }
  /** The log's records were copied here: the offsets are mapped. */
  | {
    readonly type: "move";
    readonly fromLogId: string;
    readonly ends: readonly CopiedPartition[];
  };

export type LogVerdict =
  | { readonly kind: "ok"; readonly logId: string; readonly settle: Settling }
  | {
    readonly kind: UndecidedKind;
    readonly logId: string | null;
    /** One sentence: what is wrong. */
    readonly summary: string;
    /** What was found, with the numbers, one fact each. */
    readonly found: readonly string[];
  };

/** A partition as the database and the log have it. */
interface Compared extends Watermarks {
  readonly name: string;
  readonly position: StoredPosition;
}

const EMPTY: Watermarks = { low: 0n, high: 0n };

/** Judges the log. */
export function judgeLog(facts: LogFacts): LogVerdict {
  const { identity, binding, positions } = facts;
  const isNew = binding.logId === null;
  if (!isNew && identity?.logId !== binding.logId) return judgeOtherLog(facts);
  if (identity === null) {
    return undecided(
      "another",
      null,
      "the log has no identity: its topic gmn_log_identity is gone",
      [
        ...contentOf(facts),
      ],
    );
  }
  const { logId, bound } = identity;
  if (bound !== null && bound.dataStoreId !== binding.dataStoreId) {
    const isInUse = positions.length > 0 || facts.members > 0;
    if (!isNew || isInUse) return taken(facts, identity, bound.dataStoreId, bound.at);
  } else if (isNew && positions.length === 0 && facts.members > 0) {
    return undecided("taken", logId, "another data store consumes this log right now", [
      `${facts.members} member(s) of the consumer group are at work, and this database is empty`,
    ]);
  }
  const wrong = judgeOffsets(facts, logId);
  if (wrong !== null) return wrong;
  const isBound = !isNew && bound?.dataStoreId === binding.dataStoreId;
  return { kind: "ok", logId, settle: { type: isBound ? "nothing" : "bind" } };
}

function taken(
  facts: LogFacts,
  { logId }: LogIdentity,
  other: string,
  since: Date,
): LogVerdict {
  return undecided("taken", logId, "the log belongs to another data store", [
    `log ${logId} is bound to data store ${other} since ${since.toISOString()}; ` +
    `this is data store ${facts.binding.dataStoreId}`,
    ...facts.members > 0 ? [`${facts.members} member(s) of the consumer group are at work`] : [],
  ]);
}

/** The log has another id than the bound one, or none. */
function judgeOtherLog(facts: LogFacts): LogVerdict {
  const { identity, binding } = facts;
  const logId = identity?.logId ?? null;
  const which = `the data store was built from log ${binding.logId}` +
    (binding.boundAt === null ? "" : ` (bound ${binding.boundAt.toISOString()})`) +
    (logId === null ? ", this log has no identity" : `, this is log ${logId}`);
  const copy = identity?.copies.findLast(({ fromLogId }) => fromLogId === binding.logId);
  if (identity !== null && copy !== undefined) {
    const other = identity.bound;
    if (other !== null && other.dataStoreId !== binding.dataStoreId) {
      return taken(facts, identity, other.dataStoreId, other.at);
    }
    const misfits = facts.positions.flatMap((position) => misfitOf(position, copy.ends));
    if (misfits.length === 0) {
      const { fromLogId, ends } = copy;
      return { kind: "ok", logId: identity.logId, settle: { type: "move", fromLogId, ends } };
    }
    return undecided(
      "another",
      logId,
      "the log is a copy of the data store's log, but the copy does not fit the database",
      [which, ...misfits],
    );
  }
  const isEmpty = [...facts.watermarks.values()].every((partitions) =>
    [...partitions.values()].every(({ low, high }) => low === high)
  );
  return isEmpty
    ? undecided("emptied", logId, "this is a new, empty log, not the one of the data store", [
      which,
      ...contentOf(facts),
    ])
    : undecided("another", logId, "this is another log than that of the data store", [
      which,
      ...contentOf(facts),
    ]);
}

/** Why a position can't be mapped to a copy; nothing when it can. */
function misfitOf(
  { topic, partition, nextOffset }: StoredPosition,
  ends: readonly CopiedPartition[],
): string[] {
  const name = `${topic}-${partition}`;
  const copied = ends.find((end) => end.topic === topic && end.partition === partition);
  if (copied === undefined) return nextOffset === 0n ? [] : [`${name} was not copied`];
  const { sourceLow, sourceEnd, targetLow, targetEnd } = copied;
  if (nextOffset < sourceLow || nextOffset > sourceEnd) {
    return [
      `${name}: offsets ${sourceLow} to ${sourceEnd} were copied, the database is at ${nextOffset}`,
    ];
  }
  const isSame = sourceLow === targetLow && sourceEnd === targetEnd;
  if (isSame || nextOffset === sourceEnd) return [];
  return [
    `${name}: the copy has other offsets (${targetLow} to ${targetEnd} for ${sourceLow} to ${sourceEnd}), ` +
    `so all of it must be loaded before the move; the database is at ${nextOffset}`,
  ];
}

/** What is wrong with the offsets of the right log; null when nothing is. */
function judgeOffsets(facts: LogFacts, logId: string): LogVerdict | null {
  const isNew = facts.binding.logId === null;
  const compared = facts.positions.map((position): Compared => {
    const { topic, partition } = position;
    const marks = facts.watermarks.get(topic)?.get(partition) ?? EMPTY;
    return { ...marks, name: `${topic}-${partition}`, position };
  });
  // A database from before logs had identities has no beginning on record: what it can still read is accepted.
  const isTruncated = ({ low, position: { logStart, nextOffset } }: Compared) =>
    low > (isNew ? nextOffset : logStart);
  const isShort = ({ high, position: { nextOffset } }: Compared) => high < nextOffset;
  const emptied = compared.filter((one) =>
    one.low === one.high && (isShort(one) || isTruncated(one))
  );
  const short = compared.filter(isShort);
  const truncated = compared.filter(isTruncated);
  const diverged = compared.filter(({ name, position: { witness } }) => {
    const found = facts.witnesses.get(name);
    return witness !== null && found !== undefined && found !== witness.digest;
  });
  if (emptied.length > 0) {
    return undecided("emptied", logId, "the log has lost all records of some partitions", [
      ...emptied.map(({ name, low, position }) =>
        `${name} has no records (it is at ${low}), the database is at ${position.nextOffset}`
      ),
      ...short.filter((one) => !emptied.includes(one)).map(shortText),
    ]);
  }
  if (short.length > 0) {
    return undecided(
      "shorter",
      logId,
      "the log ends before what the data store has: it is an older copy, or has lost its end",
      short.map(shortText),
    );
  }
  if (diverged.length > 0) {
    return undecided(
      "diverged",
      logId,
      "the log has other records than those that were loaded: topics were deleted and written again",
      diverged.map(({ name, position: { witness } }) =>
        facts.witnesses.get(name) === null
          ? `${name} has no record at offset ${witness?.offset}, which was loaded`
          : `${name} has another record at offset ${witness?.offset} than the one that was loaded`
      ),
    );
  }
  if (truncated.length > 0) {
    return undecided(
      "truncated",
      logId,
      "the beginning of the log is gone",
      truncated.map(({ name, low, position: { logStart, nextOffset } }) =>
        `${name}: offsets ${logStart} to ${low - 1n} are no longer in the log` +
        (nextOffset < low ? `; ${low - nextOffset} of them were never loaded` : "")
      ),
    );
  }
  return null;
}

const shortText = ({ name, high, position: { nextOffset } }: Compared): string =>
  `${name} ends at ${high}, the database is at ${nextOffset}: ${
    nextOffset - high
  } record(s) are missing`;

/** How many records the log has, by topic. Topics of which neither side has any are left out. */
function contentOf({ watermarks, positions }: LogFacts): string[] {
  if (watermarks.size === 0) return ["the log has none of the topics"];
  const parts = [...watermarks].flatMap(([topic, partitions]) => {
    const records = [...partitions.values()].reduce((sum, { low, high }) => sum + high - low, 0n);
    const loaded = positions.filter((position) => position.topic === topic)
      .reduce((sum, { nextOffset, logStart }) => sum + nextOffset - logStart, 0n);
    return records === 0n && loaded === 0n
      ? []
      : [`${topic} has ${records} record(s); the data store has loaded ${loaded}`];
  });
  return parts.length > 0 ? parts : ["the log has no records; the data store has loaded none"];
}

function undecided(
  kind: UndecidedKind,
  logId: string | null,
  summary: string,
  found: readonly string[],
): LogVerdict {
  return { kind, logId, summary, found };
}

/** A command that decides, and what it does. */
export interface LogDecision {
  readonly command: string;
  readonly effect: string;
}

const REFILL: LogDecision = {
  command: "deno task log refill",
  effect: "publishes into this log what the data store has and the log lacks",
};
const REREAD: LogDecision = {
  command: "deno task log reread",
  effect: "accepts this log; the files whose records it lacks are read from the source again",
};
const ADOPT: LogDecision = {
  command: "deno task log adopt",
  effect: "accepts this log as it is; says in numbers what only the data store has",
};

/** The decisions that are open to an operator, whatever was found. */
export const LOG_DECISIONS: readonly LogDecision[] = [REFILL, REREAD, ADOPT];

/** The runbook's page of each case. */
export const RUNBOOK_PAGES: Readonly<Record<UndecidedKind, string>> = {
  another: "docs/runbook/log-replaced.md",
  emptied: "docs/runbook/log-replaced.md",
  diverged: "docs/runbook/log-replaced.md",
  taken: "docs/runbook/log-replaced.md",
  shorter: "docs/runbook/log-wal-lost.md",
  truncated: "docs/runbook/log-truncated.md",
};
