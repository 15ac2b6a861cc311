/**
 * Rebuilds projections from the log: empties their tables, then reads the topics from the beginning.
 *
 *     does nobody else consume? ─▶ is the log complete? ─▶ (to compare: load what is not loaded yet, read the tables)
 *         ─▶ empty tables, reset offsets (one transaction) ─▶ dead letters and runs ─▶ trajectories ─▶ new dead letters, if any
 *
 * Dead letters come before the trajectories, so that a record that can't be stored finds its dead letter and adds no second one to
 * the log. An interrupted rebuild loses nothing: offsets and rows are written together, and the next consumer continues from there.
 */
import { PermanentError, wait } from "@gmn/failures";
import { groupMembers } from "../events/consumer_group.ts";
import type { Kafka } from "../events/kafka_client.ts";
import { readWatermarks, type Watermarks } from "../events/start_position.ts";
import type { TopicSink } from "../events/topic_sink.ts";
import { TOPICS, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import type { Observe } from "../observe/observe.ts";
import type { Sql } from "../store/connection.ts";
import { readOffsets } from "../store/consumer_offsets.ts";
import { emptyProjections } from "../store/projections.ts";
import { CONSUMER_GROUP, startSink } from "./sink.ts";

/** The progress of a rebuild, in records. */
export interface RebuildProgress {
  readonly done: number;
  readonly total: number;
}

export interface RebuildOptions {
  readonly kafka: Kafka;
  readonly sql: Sql;
  /** Sinks of at least `topics`. */
  readonly sinks: readonly TopicSink[];
  /** The topics whose projections are rebuilt; all by default. */
  readonly topics?: readonly string[];
  /** Rebuild even if the beginning of the log is gone. Data that only the database has is lost then. */
  readonly isLossAllowed?: boolean;
  readonly observe: Observe;
  /** After an abort the next consumer reads the rest. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RebuildProgress) => void;
  /**
   * Reads the tables before they are emptied, to compare them afterwards. Records that were not loaded when the last service
   * stopped are loaded first, so that they make no difference.
   */
  readonly lookBefore?: () => Promise<void>;
}

/** Interval between two progress checks. */
const LOOK_INTERVAL_MS = 200;

/**
 * Rebuilds. Resolves when the projections have everything that was in the log at the start.
 * @returns the number of records read
 * @throws PermanentError when another process consumes, or the log no longer has all the records that the database was built from
 */
export async function rebuild(options: RebuildOptions): Promise<number> {
  const { kafka, sql, sinks, topics = TOPICS.map(({ name }) => name) } = options;
  assertKnown(topics, sinks);
  await assertNobodyConsumes(kafka);
  const marks = await watermarksOf(kafka, topics);
  if (options.isLossAllowed !== true) await assertLogIsWhole(sql, marks);
  const starts = [...marks].flatMap(([topic, partitions]) =>
    [...partitions].map(([partition, { low: offset }]) => ({ topic, partition, offset }))
  );
  const phases = phasesOf(topics);
  if (options.lookBefore !== undefined) {
    for (const phase of phases) await readUpTo(phase, marks, options);
    await options.lookBefore();
  }
  await sql.begin((transaction) => emptyProjections(transaction, topics, starts));
  for (const phase of phases) await readUpTo(phase, marks, options);
  // Dead letters that are new, or that now have another reason.
  const rest = topics.filter((topic) => topic !== TRAJECTORY_SUMMARY_RAW.name);
  const now = await watermarksOf(kafka, rest);
  if (totalOf(now) > totalOf(marks, rest)) await readUpTo(rest, now, options);
  return totalOf(marks);
}

type TopicWatermarks = ReadonlyMap<string, ReadonlyMap<number, Watermarks>>;

function assertKnown(topics: readonly string[], sinks: readonly TopicSink[]): void {
  const known = sinks.map((sink) => sink.topic);
  const unknown = topics.filter((topic) => !known.includes(topic));
  if (unknown.length === 0 && topics.length > 0) return;
  throw new PermanentError(`no projection is made from a topic ${unknown.join(", ")}`, {
    hint: `topics with projections are ${known.join(", ")}`,
  });
}

/** @throws PermanentError when the group has members */
async function assertNobodyConsumes(kafka: Kafka): Promise<void> {
  const members = await groupMembers(kafka, CONSUMER_GROUP);
  if (members.length === 0) return;
  const who = members.map(({ clientId, host }) => `${clientId} at ${host}`).join(", ");
  throw new PermanentError(
    `${members.length} other process(es) consume in the group ${CONSUMER_GROUP}: ${who}`,
    {
      hint:
        "stop them first; a process that was killed leaves the group after half a minute, when its session times out",
    },
  );
}

async function watermarksOf(kafka: Kafka, topics: readonly string[]): Promise<TopicWatermarks> {
  const marks = new Map<string, ReadonlyMap<number, Watermarks>>();
  for (const topic of topics) marks.set(topic, await readWatermarks(kafka, topic));
  return marks;
}

/** All data in the tables must be in the log: emptying the tables would lose the rest. */
async function assertLogIsWhole(sql: Sql, marks: TopicWatermarks): Promise<void> {
  for (const [topic, partitions] of marks) {
    const stored = await readOffsets(sql, topic);
    for (const [partition, { low, high }] of partitions) {
      const at = stored.get(partition) ?? 0n;
      const problem = low > 0n && at > 0n
        ? `offsets 0 to ${low - 1n} are no longer in the log`
        : at > high
        ? `the database was made from a log up to ${at}, but this log ends at ${high}: it is another log`
        : null;
      if (problem === null) continue;
      throw new PermanentError(`${topic}-${partition}: ${problem}`, {
        hint: "a rebuild would lose what only the database has; --force rebuilds anyway",
      });
    }
  }
}

/** The trajectories last: see the top of the file. */
function phasesOf(topics: readonly string[]): string[][] {
  const isRaw = (topic: string) => topic === TRAJECTORY_SUMMARY_RAW.name;
  return [topics.filter((topic) => !isRaw(topic)), topics.filter(isRaw)].filter((phase) =>
    phase.length > 0
  );
}

/** Consumes `topics` until the database has reached the high watermarks of `marks`. */
async function readUpTo(
  topics: readonly string[],
  marks: TopicWatermarks,
  { kafka, sql, sinks, observe, signal, onProgress }: RebuildOptions,
): Promise<void> {
  const subscription = startSink({
    kafka,
    sql,
    sinks: sinks.filter((sink) => topics.includes(sink.topic)),
    observe,
  });
  try {
    for (;;) {
      const left = await missing(sql, topics, marks);
      const total = totalOf(marks);
      const before = [...marks.keys()].filter((topic) => !topics.includes(topic));
      const later = topics.includes(TRAJECTORY_SUMMARY_RAW.name) ? 0 : totalOf(marks, before);
      onProgress({ done: total - left - later, total });
      if (left === 0) return;
      await wait(LOOK_INTERVAL_MS, signal);
    }
  } finally {
    await subscription.stop();
  }
}

/** The number of records of `topics` that the database does not have yet. */
async function missing(
  sql: Sql,
  topics: readonly string[],
  marks: TopicWatermarks,
): Promise<number> {
  let count = 0n;
  for (const topic of topics) {
    const stored = await readOffsets(sql, topic);
    for (const [partition, { low, high }] of marks.get(topic) ?? []) {
      const left = high - (stored.get(partition) ?? low);
      if (left > 0n) count += left;
    }
  }
  return Number(count);
}

/** The number of records between the watermarks of `topics`. */
function totalOf(marks: TopicWatermarks, topics: readonly string[] = [...marks.keys()]): number {
  const partitions = topics.flatMap((topic) => [...marks.get(topic)?.values() ?? []]);
  return Number(partitions.reduce((count, { low, high }) => count + high - low, 0n));
}
