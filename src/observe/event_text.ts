/**
 * The level and the sentence of each event, and its detail as JSON. The log, the event stream and everything else that shows
 * events use them.
 */
import type { ServiceEvent } from "./observe.ts";
import type { Level, LoadedTotals, Retry, RowTotals, Vocabulary } from "./vocabulary.ts";

/** Level and sentence of one event. */
interface EventText<Detail> {
  readonly level: Level | ((detail: Detail) => Level);
  /** One plain sentence, values included. */
  readonly sentence: (detail: Detail) => string;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 0)} s`;
const mib = (bytes: number): string =>
  `${Math.floor(bytes / 1024 / 1024).toLocaleString("en-US")} MiB`;
const count = (n: number): string => n.toLocaleString("en-US");

const timeOfDay = (at: Date): string => `${at.toISOString().slice(11, 19)} UTC`;

/** What became of the rows that were read. */
const outcomes = (d: RowTotals): string =>
  `${count(d.rowsPublished)} published, ${count(d.rowsUnchanged)} unchanged, ${
    count(d.rowsRejected)
  } rejected`;

/** What became of the rows that were published. */
function loaded(d: LoadedTotals): string {
  const parts = [
    [d.rowsNew, "new"],
    [d.rowsChanged, "changed"],
    [d.rowsRepeated, "repeated"],
    [d.rowsStale, "stale"],
    [d.rowsDuplicate, "duplicate"],
  ] as const;
  const known = parts.flatMap(([rows, word]) => rows === null ? [] : [`${count(rows)} ${word}`]);
  const detail = known.length === 0 ? "" : ` (${known.join(", ")})`;
  return `${count(d.rowsLoaded)} rows in the data store${detail}, ${
    count(d.rowsDead)
  } in the dead letters`;
}

/** How far a stamp lies ahead: `180 years`. */
function span(ms: number): string {
  const [unit_ms, name] = UNITS.find(([unit_ms]) => ms >= unit_ms * 2) ?? UNITS.at(-1)!;
  return `${count(Math.round(ms / unit_ms))} ${name}`;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const UNITS = [
  [365.25 * DAY_MS, "years"],
  [DAY_MS, "days"],
  [60 * MINUTE_MS, "hours"],
  [MINUTE_MS, "minutes"],
] as const;

/** Says which try failed and when the next one follows. */
const nextTry = ({ attempt, delay_ms }: Omit<Retry, "reason">): string =>
  `try ${attempt} failed, next in ${seconds(delay_ms)}`;

/** Makes the text of an event with a fixed level. */
const at = (level: Level) => <Detail>(sentence: (detail: Detail) => string): EventText<Detail> => ({
  level,
  sentence,
});
const [debug, info, warning, error] = [at("debug"), at("info"), at("warning"), at("error")];
/** Makes the text of another program's log line, with the level that the program gave it. */
const asGiven = <Detail extends { level: Level }>(
  sentence: (detail: Detail) => string,
): EventText<Detail> => ({ level: ({ level }) => level, sentence });

/** Level and sentence of each event. */
export const EVENT_TEXTS: { [Name in keyof Vocabulary]: EventText<Vocabulary[Name]> } = {
  "broker.starting": info((d) => `broker: ${d.kind} (${d.reason})`),
  "broker.ready": info((d) =>
    `broker ready at ${d.brokers}, registry at ${d.schemaRegistryUrl} (${seconds(d.took_ms)})`
  ),
  "broker.stopped": info((d) => `broker (${d.kind}) stopped`),
  "broker.failed": error((d) => `broker (${d.kind}) failed: ${d.reason}`),
  "broker.restarting": warning((d) =>
    `broker (${d.kind}): ${d.reason}; restart ${d.attempt} in ${seconds(d.delay_ms)}`
  ),
  "broker.log": asGiven((d) => `${d.kind}: ${d.line}`),
  "broker.refused": debug((d) => `broker refused ${d.client}: ${d.reason}`),

  "database.starting": info((d) => `PostgreSQL starting in ${d.directory} on port ${d.port}`),
  "database.ready": info((d) =>
    `PostgreSQL ${d.version} ready at ${d.url} (${seconds(d.took_ms)})`
  ),
  "database.stopped": info(() => `PostgreSQL stopped`),
  "database.log": debug((d) => `postgres: ${d.line}`),
  "database.migrated": info((d) => `migration ${d.name} applied (${seconds(d.took_ms)})`),
  "database.moved": info((d) => `PostgreSQL's ${d.what} are in ${d.directory}: ${d.reason}`),
  "database.restarted": warning((d) =>
    `PostgreSQL in ${d.directory} had ended; it was restarted on port ${d.port}`
  ),

  "dependency.unavailable": warning((d) =>
    `${d.part} is unavailable for ${d.work} (${d.reason}); ${nextTry(d)}`
  ),

  "disk.filling": warning((d) =>
    `the disk of the ${d.holds} (${d.path}) has ${mib(d.free_bytes)} free; below ${
      mib(d.limit_bytes)
    } runs will wait`
  ),
  "disk.filled": error((d) =>
    `the disk of the ${d.holds} (${d.path}) has ${mib(d.free_bytes)} free, less than ${
      mib(d.limit_bytes)
    } (DISK_FREE_MIN_MB): runs wait until there is space`
  ),
  "disk.resumed": info((d) =>
    `the disk of the ${d.holds} (${d.path}) has ${mib(d.free_bytes)} free again: runs go on`
  ),

  "log.topic_created": info((d) => `topic ${d.topic} created with ${d.partitions} partition(s)`),
  "log.underreplicated": warning((d) => `${d.reason}. To change it: ${d.advice}`),
  "log.schema_registered": debug((d) => `schema of ${d.subject} registered with id ${d.id}`),
  "log.undecided": error((d) =>
    `${d.summary}: ${d.found}. Nothing is published or loaded until somebody decides: ${d.decisions} (${d.page} says which)`
  ),
  "log.decided": info((d) => `log ${d.logId} is that of data store ${d.dataStoreId}: work goes on`),
  "log.damaged": error((d) =>
    `${d.topic}-${d.partition}: offsets ${d.firstOffset} to ${d.lastOffset} are damaged: ${d.reason}; ` +
    `deno task log repair publishes again what they held (docs/runbook/log-damaged.md)`
  ),
  "log.client": asGiven((d) => `kafka: ${d.message}`),

  "run.requested": info((d) => `run ${d.runId} requested: ${d.selection}`),
  "run.queued": info((d) => `run ${d.runId} (${d.kind}) waits for run ${d.behind}`),
  "run.started": info((d) => `run ${d.runId} (${d.kind}) started`),
  "run.planned": info((d) => `run ${d.runId}: ${count(d.files)} file(s) to check`),
  "run.completed": info((d) =>
    `run ${d.runId} (${d.kind}) completed: ${count(d.files)} file(s), ${
      count(d.rowsRead)
    } rows read, ` +
    `${outcomes(d)} (${seconds(d.took_ms)})`
  ),
  "run.failed": error((d) => `run ${d.runId} (${d.kind}) failed: ${d.reason}`),
  "run.cancelled": warning((d) => `run ${d.runId} (${d.kind}) cancelled`),
  "run.paused": info((d) => `run ${d.runId} (${d.kind}) paused; it continues at the next start`),
  "run.event_fenced": warning((d) =>
    `run ${d.runId}: ${d.type} was written by a process that no longer led (epoch ${d.epoch}, now ${d.leader}) and changes nothing`
  ),
  "run.loaded": info((d) =>
    `run ${d.runId} (${d.kind}) loaded: ${loaded(d)} (${seconds(d.took_ms)})`
  ),
  "file.started": debug((d) => `reading ${d.file}`),
  "file.progress": debug((d) => `${d.file}: ${count(d.rowsRead)} rows read, ${outcomes(d)} so far`),
  "file.extracted": info((d) =>
    `${d.file}: ${count(d.rowsRead)} rows read, ${outcomes(d)} (${seconds(d.took_ms)})`
  ),
  "file.stamp_ignored": warning((d) =>
    `${d.file} says that it was generated at ${d.stamp.toISOString()}, ${
      span(d.ahead_ms)
    } ahead of the clock: its rows count as now, any later file may change them, and it withdraws nothing`
  ),
  "file.skipped": debug((d) => `${d.file} skipped: ${d.reason}`),
  "file.deferred": warning((d) =>
    `${d.file} can't be read yet (attempt ${d.attempt} of ${d.attempts}): ${d.reason}; next attempt at ${
      timeOfDay(d.retryAt)
    }`
  ),
  "file.failed": warning((d) => `${d.file} failed: ${d.reason}`),
  "file.withdrew": info((d) => `${d.file} no longer has ${count(d.rows)} trajectories: withdrawn`),
  "file.withdrawal_held": warning((d) =>
    `${d.file} lost ${count(d.rows)} of ${
      count(d.before)
    } trajectories at once; they are withdrawn when a later ` +
    `generation is without them too`
  ),
  "withdrawal.deferred": warning((d) =>
    `could not look for withdrawn trajectories (${d.reason}); the next look is in a minute`
  ),
  "line.rejected": debug((d) => `${d.file} line ${d.line} goes to the dead letters: ${d.reason}`),
  "source.retry": warning((d) =>
    `${d.reason.includes(d.url) ? "" : `${d.url}: `}${d.reason}; ${nextTry(d)}`
  ),

  "showers.fetched": info((d) =>
    `shower list of ${d.source}: ${count(d.showers)} showers, ${count(d.changed)} changed` +
    (d.rejected === 0 ? "" : `, ${count(d.rejected)} lines could not be read`)
  ),
  "showers.shipped": info((d) =>
    `${count(d.showers)} shower names from the shipped IAU list of ${d.edition}`
  ),
  "showers.not_shipped": warning((d) =>
    `Could not publish the shipped IAU shower list (${d.reason}). Showers are shown by code until it is published.`
  ),
  "showers.unavailable": info((d) =>
    `Could not fetch the IAU shower list (${d.reason}). Names come from ${d.inUse} until it is available.`
  ),
  "schedule.set": info((d) =>
    `schedule ${d.pattern} UTC, next ${d.next?.toISOString() ?? "never"}`
  ),
  "schedule.fired": info((d) => `schedule fired: run ${d.runId}`),
  "schedule.retry": warning((d) =>
    `could not request the scheduled run (${d.reason}); ${nextTry(d)}`
  ),
  "schedule.deferred": warning((d) =>
    `could not request the scheduled run (${d.reason}); the next time is on schedule`
  ),
  "schedule.paused": info(() => "schedule paused until it is resumed"),
  "schedule.resumed": info((d) => `schedule resumed, next ${d.next?.toISOString() ?? "never"}`),
  "schedule.missed": info((d) =>
    `a scheduled daily run was missed (last one: ${
      d.last?.toISOString() ?? "never"
    }); starting it now`
  ),

  "consumer.retry": warning((d) => `the consumer's session ended (${d.reason}); ${nextTry(d)}`),
  "sink.assigned": info((d) => `${d.topic}-${d.partition} assigned, from offset ${d.nextOffset}`),
  "sink.revoked": info((d) => `${d.topic}-${d.partition} revoked`),
  "sink.loaded": debug((d) =>
    `${d.topic}-${d.partition}: ${count(d.records)} records, ${count(d.inserted)} inserted, ` +
    `${count(d.updated)} updated, ${count(d.unchanged)} unchanged, ${count(d.stale)} stale, ` +
    `${count(d.duplicates)} duplicates, ${count(d.confirmed)} confirmed (${seconds(d.took_ms)})`
  ),
  "sink.unknown_confirmed": warning((d) =>
    `${d.topic}-${d.partition}, offsets ${d.firstOffset} to ${
      d.nextOffset - 1n
    }: a file still has ${
      count(d.unknown)
    } trajectories that the data store does not have; check the log with deno task log verify`
  ),
  "sink.dead_letter": warning((d) =>
    `${d.topic}-${d.partition}@${d.offset} goes to the dead letters: ${d.reason}`
  ),
  "dead_letter.replayed": info((d) =>
    `dead letter ${d.id} replayed: ${d.outcome}${d.reason === null ? "" : ` (${d.reason})`}`
  ),
  "sink.passed_over": warning((d) =>
    `${d.topic}-${d.partition}@${d.offset} is not a record of this service: ${d.reason}`
  ),
  "sink.retry": warning((d) =>
    `${d.topic}-${d.partition} can't load now (${d.reason}); ${nextTry(d)}`
  ),
  "sink.fenced": warning((d) =>
    `${d.topic}-${d.partition}: the database is at offset ${d.found}, not ${d.expected}: another consumer has continued; seeking there`
  ),
  "sink.damaged": warning((d) =>
    `${d.topic}-${d.partition}: ${d.reason} in fetch ${d.attempt}, next in ${seconds(d.delay_ms)}`
  ),

  "heartbeat.sent": debug((d) => `heartbeat sent for run ${d.runId} (${seconds(d.took_ms)})`),
  "heartbeat.failed": warning((d) =>
    `the heartbeat for run ${d.runId} could not be sent: ${d.reason}`
  ),

  "http.listening": info((d) => `HTTP at ${d.url}`),
  "metrics.listening": info((d) => `metrics at ${d.url}/metrics`),
  "http.request": debug((d) => `${d.method} ${d.path} ${d.status} (${Math.round(d.took_ms)} ms)`),
  "http.error": error((d) => `${d.method} ${d.path} failed: ${d.reason}`),

  "service.starting": info((d) =>
    `GMN Data Store ingestion ${d.version}, data in ${d.dataDirectory}`
  ),
  "service.ready": info((d) => `ready (${seconds(d.took_ms)})`),
  "service.stopping": info((d) => `stopping: ${d.reason}`),
  "service.release_failed": warning((d) => `${d.name} did not stop cleanly: ${d.reason}`),
  "producer.retry": error((d) =>
    `the producer failed and retries in ${seconds(d.delay_ms)}: ${d.reason}`
  ),
  "producer.leads": debug((d) => `this process works on the runs (epoch ${d.epoch})`),
  "producer.follows": warning((d) =>
    `this process no longer works on the runs (${d.reason}); the next leader continues them`
  ),
  "lease.holder_replaced": warning((d) =>
    `took the lease ${d.lease} over from ${d.from}, which gave no sign of life for ${
      seconds(d.silent_ms)
    }`
  ),
  "service.stopped": info((d) => `stopped (${seconds(d.took_ms)})`),
  "service.hurrying": warning((d) => `stopping in a hurry: ${d.reason}`),
  "service.error": error((d) => `uncaught error: ${d.reason}`),
};

/** Needs a cast, because the compiler can't match the name with its detail. */
function textOf({ name }: ServiceEvent): EventText<ServiceEvent["detail"]> {
  return EVENT_TEXTS[name] as EventText<ServiceEvent["detail"]>;
}

/** The level of an event. */
export function levelOf(event: ServiceEvent): Level {
  const { level } = textOf(event);
  return typeof level === "function" ? level(event.detail) : level;
}

/** The sentence that describes an event. */
export function sentenceOf(event: ServiceEvent): string {
  return textOf(event).sentence(event.detail);
}

/** The detail for JSON, which has no bigint: offsets become strings. */
export function plainDetail(detail: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(detail).map(([key, value]) => [
      key,
      typeof value === "bigint" ? value.toString() : value,
    ]),
  );
}
