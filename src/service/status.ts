/** The state of the service: looked up for each request, not monitored in between. */
import { explain, explainWithHint, TransientError } from "@gmn/failures";
import { TOPICS } from "../events/topics.ts";
import type { LogProbe } from "../events/log_probe.ts";
import { withOwn } from "../http/own_runs.ts";
import type {
  DisksView,
  LogView,
  PartStatus,
  ScheduleView,
  ServiceStatus,
  ShowerListView,
} from "../http/status_schemas.ts";
import type { Schedule } from "../producer/schedule.ts";
import { type LogGuard, undecidedError } from "../recovery/log_guard.ts";
import { LOG_DECISIONS, RUNBOOK_PAGES } from "../recovery/log_verdict.ts";
import { readOffsets } from "../store/consumer_offsets.ts";
import { countDeadLetters } from "../store/dead_letters.ts";
import { countMeteors } from "../store/gauges.ts";
import { readListInUse } from "../store/iau_showers.ts";
import type { Question, Reader } from "../store/reader.ts";
import { listUnfinishedRunViews } from "../store/run_views.ts";
import { readSchedulePause } from "../store/schedule_pause.ts";
import { asSize } from "./disk_space.ts";
import type { DiskWatch, SeenDisk } from "./disk_watch.ts";
import type { LogDamage } from "./log_damage.ts";
import { readOwnership, runsPartOf } from "./runs_part.ts";
import { type RunningParts, type ServiceParts, VERSION } from "./parts.ts";

/** A person waits for the answer in a browser; a database that takes longer counts as unavailable. */
export const LIMIT_MS = 3_000;
/** Enough to see what the service does. */
const RUNS_MAX = 20;

type Lag = ServiceStatus["lag"];

/** The whole state, also while the service starts. */
export async function statusOf(
  { startedAt, roles, running, damages }: ServiceParts,
): Promise<ServiceStatus> {
  const base = { version: VERSION, started_at: startedAt.toISOString(), roles };
  if (running === null) {
    const starting = { ready: false, detail: "starting" };
    const parts = {
      broker: starting,
      registry: starting,
      log: starting,
      database: starting,
      disk: starting,
      consumer: starting,
      runs: starting,
    };
    return {
      ...base,
      parts,
      log: null,
      log_damage: [],
      disks: { log: null, database: null },
      schedule: null,
      shower_list: null,
      lag: [],
      runs: null,
      store: null,
    };
  }
  const { reader, producer } = running;
  const engine = running.runs?.engine;
  const [{ status, lag }, damaged, schedule, showerList, runs, store] = await Promise.all([
    queryParts(running),
    damages.look(running.log),
    producer === null ? null : scheduleOf(producer.schedule, reader),
    showerListOf(running),
    unlessUnavailable(reader, (sql) => listUnfinishedRunViews(sql, RUNS_MAX)),
    unlessUnavailable(reader, async (sql) => ({
      meteors: await countMeteors(sql),
      dead_letters: await countDeadLetters(sql),
    })),
  ]);
  return {
    ...base,
    parts: status,
    log: logViewOf(running.log.guard),
    log_damage: damaged.map(damageView),
    disks: disksOf(running.disks),
    schedule,
    shower_list: showerList,
    lag,
    runs: engine === undefined ? runs : runs?.map((run) => withOwn(run, () => engine)) ?? null,
    store,
  };
}

const look = <Answer>(reader: Reader, question: Question<Answer>) =>
  reader.look(LIMIT_MS, question);

/** The answer; null when the database is unavailable. */
async function unlessUnavailable<Answer>(
  reader: Reader,
  question: Question<Answer>,
): Promise<Answer | null> {
  try {
    return await look(reader, question);
  } catch (error) {
    if (error instanceof TransientError) return null;
    throw error;
  }
}

/** The state of each part, and how far the data store is behind the log (empty when either is unavailable). */
export async function queryParts(
  { reader, log, subscription, disks, describe }: RunningParts,
): Promise<{ status: ServiceStatus["parts"]; lag: Lag }> {
  const topics = TOPICS.map(({ name }) => name);
  const [watermarks, registry, database] = await Promise.allSettled([
    log.probe.watermarks(topics),
    log.registry.ping(),
    look(reader, async (sql) => {
      const stored = new Map<string, ReadonlyMap<number, bigint>>();
      for (const topic of topics) stored.set(topic, await readOffsets(sql, topic));
      return { stored, ownership: await readOwnership(sql) };
    }),
  ]);
  const partOf = (answer: PromiseSettledResult<unknown>, name: string): PartStatus =>
    answer.status === "fulfilled"
      ? { ready: true, detail: name }
      : { ready: false, detail: `${name}: ${explain(answer.reason)}` };
  return {
    status: {
      broker: partOf(watermarks, describe.broker),
      registry: partOf(registry, describe.registry),
      log: logPartOf(log.guard),
      database: partOf(database, describe.database),
      disk: diskPartOf(disks),
      consumer: subscription === null
        ? { ready: true, detail: "not a role of this process" }
        : subscription.connected()
        ? { ready: true, detail: `${subscription.lag().length} partition(s) assigned` }
        : isUndecided(log.guard)
        ? { ready: false, detail: "waits until it is decided what to do with the log" }
        : { ready: false, detail: "has not joined the group (again) yet" },
      runs: database.status === "fulfilled"
        ? runsPartOf(database.value.ownership)
        // The part `database` says that it is not ready.
        : { ready: true, detail: "unknown while the database is unavailable" },
    },
    lag: watermarks.status === "fulfilled" && database.status === "fulfilled"
      ? lagOf(watermarks.value, database.value.stored)
      : [],
  };
}

/** Whether there is room for what runs publish. */
function diskPartOf(watch: DiskWatch): PartStatus {
  const { disks } = watch;
  try {
    watch.assertRoom();
  } catch (error) {
    return { ready: false, detail: explainWithHint(error) };
  }
  const shown = disks.map(({ holds, free_bytes, state }) =>
    `${holds}: ${asSize(free_bytes)} free${state === "low" ? ", which is low" : ""}`
  );
  return { ready: true, detail: shown.join(", ") || "no engine of this process has one" };
}

function disksOf({ disks }: DiskWatch): DisksView {
  const viewOf = (wanted: SeenDisk["holds"]) => {
    const disk = disks.find(({ holds }) => holds === wanted);
    if (disk === undefined) return null;
    const { path, free_bytes, size_bytes, limit_bytes, state } = disk;
    return { path, free_bytes, size_bytes, limit_bytes, state };
  };
  return { log: viewOf("log"), database: viewOf("database") };
}

const isUndecided = (guard: LogGuard | null): boolean =>
  (guard?.state?.verdict.kind ?? "ok") !== "ok";

/** Whether the log is the data store's, as the guard found it some seconds ago. */
function logPartOf(guard: LogGuard | null): PartStatus {
  const verdict = guard?.state?.verdict;
  if (verdict === undefined) return { ready: false, detail: "has not been checked yet" };
  return verdict.kind === "ok"
    ? { ready: true, detail: `log ${verdict.logId}` }
    : { ready: false, detail: explainWithHint(undecidedError(verdict)) };
}

function logViewOf(guard: LogGuard | null): LogView | null {
  const state = guard?.state ?? null;
  if (state === null) return null;
  const { verdict, boundLogId, dataStoreId } = state;
  const base = {
    log_id: verdict.logId,
    bound_log_id: boundLogId,
    data_store_id: dataStoreId,
    verdict: verdict.kind,
  };
  return verdict.kind === "ok"
    ? { ...base, summary: null, found: [], decisions: [], page: null }
    : {
      ...base,
      summary: verdict.summary,
      found: [...verdict.found],
      decisions: [...LOG_DECISIONS],
      page: RUNBOOK_PAGES[verdict.kind],
    };
}

function damageView({ firstOffset, lastOffset, isRepaired, ...range }: LogDamage) {
  const { topic, partition, reason } = range;
  return {
    topic,
    partition,
    first_offset: firstOffset.toString(),
    last_offset: lastOffset.toString(),
    reason,
    repaired: isRepaired,
  };
}

function lagOf(
  watermarks: Awaited<ReturnType<LogProbe["watermarks"]>>,
  offsets: ReadonlyMap<string, ReadonlyMap<number, bigint>>,
): Lag {
  return [...watermarks].flatMap(([topic, partitions]) =>
    [...partitions].map(([partition, { low, high }]) => {
      const position = offsets.get(topic)?.get(partition) ?? low;
      return {
        topic,
        partition,
        position: position.toString(),
        end: high.toString(),
        lag: Number(high - position),
      };
    })
  ).sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition);
}

/** The schedule. Without the database it is unknown whether it is paused; its times are still shown. */
export async function scheduleOf(schedule: Schedule, reader: Reader): Promise<ScheduleView> {
  let pausedSince: Date | null = null;
  let problem: string | null = null;
  try {
    pausedSince = await look(reader, readSchedulePause);
  } catch (error) {
    problem = explain(error);
  }
  return {
    pattern: schedule.pattern,
    next: pausedSince === null ? schedule.next()?.toISOString() ?? null : null,
    paused_since: pausedSince?.toISOString() ?? null,
    leader: schedule.isLeader,
    problem,
  };
}

/**
 * The shower list in use; unknown without the database. Every process reads it from the data store, but only the process that
 * fetches it knows why there is no newer list.
 */
async function showerListOf(
  { reader, producer, iauShowerUrl: address }: RunningParts,
): Promise<ShowerListView> {
  const unknown = {
    in_use: null,
    source: null,
    state_of: null,
    fetched_at: null,
    showers: 0,
    address,
  };
  try {
    const list = await look(reader, readListInUse);
    const problem = producer?.showers.problem ?? null;
    if (list === null) return { ...unknown, note: problem ?? "no list is loaded yet" };
    return {
      in_use: list.kind,
      source: list.source,
      state_of: list.edition,
      fetched_at: list.fetchedAt?.toISOString() ?? null,
      showers: list.showers,
      address,
      note: problem === null ? null : `could not be fetched: ${problem}`,
    };
  } catch (error) {
    return { ...unknown, note: explain(error) };
  }
}
