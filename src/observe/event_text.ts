/**
 * How each event reads: its level, its sentence and its detail as JSON. The log, the event stream and whatever else shows events
 * take them from here.
 */
import type { ServiceEvent } from "./observe.ts";
import type { Level, Retry, Vocabulary } from "./vocabulary.ts";

/** Level and sentence of one event. */
interface EventText<Detail> {
  readonly level: Level | ((detail: Detail) => Level);
  /** One plain sentence, values included. */
  readonly sentence: (detail: Detail) => string;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 0)} s`;
const count = (n: number): string => n.toLocaleString("en-US");

/** When a retry comes. */
const nextTry = ({ attempt, delay_ms }: Omit<Retry, "reason">): string =>
  `try ${attempt} failed, next in ${seconds(delay_ms)}`;

/** Level and sentence of each event. */
export const EVENT_TEXTS: { [Name in keyof Vocabulary]: EventText<Vocabulary[Name]> } = {
  "broker.starting": { level: "info", sentence: (d) => `broker: ${d.kind} (${d.reason})` },
  "broker.ready": {
    level: "info",
    sentence: (d) =>
      `broker ready at ${d.brokers}, registry at ${d.schemaRegistryUrl} (${seconds(d.took_ms)})`,
  },
  "broker.stopped": { level: "info", sentence: (d) => `broker (${d.kind}) stopped` },
  "broker.failed": { level: "error", sentence: (d) => `broker (${d.kind}) failed: ${d.reason}` },
  "broker.restarting": {
    level: "warning",
    sentence: (d) =>
      `broker (${d.kind}): ${d.reason}; restart ${d.attempt} in ${seconds(d.delay_ms)}`,
  },
  "broker.log": { level: (d) => d.level, sentence: (d) => `${d.kind}: ${d.line}` },
  "broker.refused": { level: "debug", sentence: (d) => `broker refused ${d.client}: ${d.reason}` },

  "database.starting": {
    level: "info",
    sentence: (d) => `PostgreSQL starting in ${d.directory} on port ${d.port}`,
  },
  "database.ready": {
    level: "info",
    sentence: (d) => `PostgreSQL ${d.version} ready at ${d.url} (${seconds(d.took_ms)})`,
  },
  "database.stopped": { level: "info", sentence: () => `PostgreSQL stopped` },
  "database.log": { level: "debug", sentence: (d) => `postgres: ${d.line}` },
  "database.migrated": {
    level: "info",
    sentence: (d) => `migration ${d.name} applied (${seconds(d.took_ms)})`,
  },
  "database.moved": {
    level: "info",
    sentence: (d) => `PostgreSQL's ${d.what} are in ${d.directory}: ${d.reason}`,
  },
  "database.restarted": {
    level: "warning",
    sentence: (d) => `PostgreSQL in ${d.directory} had ended; it was restarted on port ${d.port}`,
  },

  "dependency.unavailable": {
    level: "warning",
    sentence: (d) => `${d.part} is unavailable for ${d.work} (${d.reason}); ${nextTry(d)}`,
  },

  "log.topic_created": {
    level: "info",
    sentence: (d) => `topic ${d.topic} created with ${d.partitions} partition(s)`,
  },
  "log.schema_registered": {
    level: "debug",
    sentence: (d) => `schema of ${d.subject} registered with id ${d.id}`,
  },
  "log.client": { level: (d) => d.level, sentence: (d) => `kafka: ${d.message}` },

  "run.requested": { level: "info", sentence: (d) => `run ${d.runId} requested: ${d.selection}` },
  "run.started": { level: "info", sentence: (d) => `run ${d.runId} (${d.kind}) started` },
  "run.planned": {
    level: "info",
    sentence: (d) => `run ${d.runId}: ${count(d.files)} file(s) to look at`,
  },
  "run.completed": {
    level: "info",
    sentence: (d) =>
      `run ${d.runId} (${d.kind}) completed: ${count(d.files)} file(s), ${
        count(d.rowsRead)
      } rows read, ` +
      `${count(d.rowsPublished)} published, ${count(d.rowsRejected)} rejected (${
        seconds(d.took_ms)
      })`,
  },
  "run.failed": {
    level: "error",
    sentence: (d) => `run ${d.runId} (${d.kind}) failed: ${d.reason}`,
  },
  "run.cancelled": { level: "warning", sentence: (d) => `run ${d.runId} (${d.kind}) cancelled` },
  "run.paused": {
    level: "info",
    sentence: (d) => `run ${d.runId} (${d.kind}) paused; it continues at the next start`,
  },
  "run.loaded": {
    level: "info",
    sentence: (d) =>
      `run ${d.runId} (${d.kind}) loaded: ${count(d.rowsLoaded)} rows in the data store (${
        seconds(d.took_ms)
      })`,
  },
  "file.started": { level: "debug", sentence: (d) => `reading ${d.file}` },
  "file.progress": {
    level: "debug",
    sentence: (d) =>
      `${d.file}: ${count(d.rowsRead)} rows read, ${count(d.rowsPublished)} published, ` +
      `${count(d.rowsRejected)} rejected so far`,
  },
  "file.extracted": {
    level: "info",
    sentence: (d) =>
      `${d.file}: ${count(d.rowsRead)} rows read, ${count(d.rowsPublished)} published, ` +
      `${count(d.rowsRejected)} rejected (${seconds(d.took_ms)})`,
  },
  "file.skipped": { level: "debug", sentence: (d) => `${d.file} skipped: ${d.reason}` },
  "file.failed": { level: "warning", sentence: (d) => `${d.file} failed: ${d.reason}` },
  "file.withdrew": {
    level: "info",
    sentence: (d) => `${d.file} no longer has ${count(d.rows)} trajectories: withdrawn`,
  },
  "file.withdrawal_held": {
    level: "warning",
    sentence: (d) =>
      `${d.file} lost ${count(d.rows)} of ${
        count(d.before)
      } trajectories at once; they are withdrawn when a later ` +
      `generation is without them too`,
  },
  "withdrawal.deferred": {
    level: "warning",
    sentence: (d) =>
      `could not look for withdrawn trajectories (${d.reason}); the next run looks for them`,
  },
  "line.rejected": {
    level: "debug",
    sentence: (d) => `${d.file} line ${d.line} goes to the dead letters: ${d.reason}`,
  },
  "source.retry": {
    level: "warning",
    sentence: (d) => `${d.reason.includes(d.url) ? "" : `${d.url}: `}${d.reason}; ${nextTry(d)}`,
  },

  "showers.fetched": {
    level: "info",
    sentence: (d) =>
      `shower list of ${d.source}: ${count(d.showers)} showers, ${count(d.changed)} changed` +
      (d.rejected === 0 ? "" : `, ${count(d.rejected)} lines not understood`),
  },
  "showers.shipped": {
    level: "info",
    sentence: (d) => `${count(d.showers)} shower names from the shipped IAU list of ${d.edition}`,
  },
  "showers.not_shipped": {
    level: "warning",
    sentence: (d) =>
      `Could not publish the shipped IAU shower list (${d.reason}). Showers are shown by code until it is published.`,
  },
  "showers.unavailable": {
    level: "info",
    sentence: (d) =>
      `Could not fetch the IAU shower list (${d.reason}). Names come from ${d.inUse} until it is available.`,
  },
  "schedule.set": {
    level: "info",
    sentence: (d) => `schedule ${d.pattern} UTC, next ${d.next?.toISOString() ?? "never"}`,
  },
  "schedule.fired": { level: "info", sentence: (d) => `schedule fired: run ${d.runId}` },
  "schedule.retry": {
    level: "warning",
    sentence: (d) => `could not request the scheduled run (${d.reason}); ${nextTry(d)}`,
  },
  "schedule.deferred": {
    level: "warning",
    sentence: (d) =>
      `could not request the scheduled run (${d.reason}); the next time is on schedule`,
  },
  "schedule.paused": { level: "info", sentence: () => "schedule paused until it is resumed" },
  "schedule.resumed": {
    level: "info",
    sentence: (d) => `schedule resumed, next ${d.next?.toISOString() ?? "never"}`,
  },
  "schedule.missed": {
    level: "info",
    sentence: (d) =>
      `a scheduled daily run was missed (last one: ${
        d.last?.toISOString() ?? "never"
      }); starting it now`,
  },

  "consumer.retry": {
    level: "warning",
    sentence: (d) => `the consumer's session ended (${d.reason}); ${nextTry(d)}`,
  },
  "sink.assigned": {
    level: "info",
    sentence: (d) => `${d.topic}-${d.partition} assigned, from offset ${d.nextOffset}`,
  },
  "sink.revoked": { level: "info", sentence: (d) => `${d.topic}-${d.partition} revoked` },
  "sink.repositioned": {
    level: "warning",
    sentence: (d) =>
      `${d.topic}-${d.partition} is read from offset ${d.to}, not ${d.from}: ${d.reason}`,
  },
  "sink.loaded": {
    level: "debug",
    sentence: (d) =>
      `${d.topic}-${d.partition}: ${count(d.records)} records, ${count(d.inserted)} inserted, ` +
      `${count(d.updated)} updated, ${count(d.unchanged)} unchanged, ${count(d.stale)} stale, ` +
      `${count(d.duplicates)} duplicates (${seconds(d.took_ms)})`,
  },
  "sink.dead_letter": {
    level: "warning",
    sentence: (d) => `${d.topic}-${d.partition}@${d.offset} goes to the dead letters: ${d.reason}`,
  },
  "dead_letter.replayed": {
    level: "info",
    sentence: (d) =>
      `dead letter ${d.id} replayed: ${d.outcome}${d.reason === null ? "" : ` (${d.reason})`}`,
  },
  "sink.passed_over": {
    level: "warning",
    sentence: (d) => `${d.topic}-${d.partition}@${d.offset} is not one of our records: ${d.reason}`,
  },
  "sink.retry": {
    level: "warning",
    sentence: (d) => `${d.topic}-${d.partition} can't load now (${d.reason}); ${nextTry(d)}`,
  },
  "sink.fenced": {
    level: "warning",
    sentence: (d) =>
      `${d.topic}-${d.partition}: the database is at offset ${d.found}, not ${d.expected}: another consumer went on from there; seeking`,
  },
  "sink.damaged": {
    level: "warning",
    sentence: (d) =>
      `${d.topic}-${d.partition}: ${d.reason} in fetch ${d.attempt}, next in ${
        seconds(d.delay_ms)
      }`,
  },

  "heartbeat.sent": {
    level: "debug",
    sentence: (d) => `heartbeat sent for run ${d.runId} (${seconds(d.took_ms)})`,
  },
  "heartbeat.failed": {
    level: "warning",
    sentence: (d) => `the heartbeat for run ${d.runId} could not be sent: ${d.reason}`,
  },

  "http.listening": { level: "info", sentence: (d) => `HTTP at ${d.url}` },
  "http.request": {
    level: "debug",
    sentence: (d) => `${d.method} ${d.path} ${d.status} (${Math.round(d.took_ms)} ms)`,
  },
  "http.error": { level: "error", sentence: (d) => `${d.method} ${d.path} failed: ${d.reason}` },

  "service.starting": {
    level: "info",
    sentence: (d) => `GMN Data Store ingestion ${d.version}, data in ${d.dataDirectory}`,
  },
  "service.ready": { level: "info", sentence: (d) => `ready (${seconds(d.took_ms)})` },
  "service.stopping": { level: "info", sentence: (d) => `stopping: ${d.reason}` },
  "service.release_failed": {
    level: "warning",
    sentence: (d) => `${d.name} did not stop in order: ${d.reason}`,
  },
  "producer.retry": {
    level: "error",
    sentence: (d) => `the producer failed and retries in ${seconds(d.delay_ms)}: ${d.reason}`,
  },
  "producer.leads": { level: "debug", sentence: () => "this process works on the runs" },
  "producer.follows": {
    level: "warning",
    sentence: (d) =>
      `this process no longer works on the runs (${d.reason}); the next leader continues them`,
  },
  "service.stopped": { level: "info", sentence: (d) => `stopped (${seconds(d.took_ms)})` },
  "service.hurrying": { level: "warning", sentence: (d) => `stopping in a hurry: ${d.reason}` },
  "service.error": { level: "error", sentence: (d) => `uncaught error: ${d.reason}` },
};

/** The compiler can't follow the union of all names. */
function textOf({ name }: ServiceEvent): EventText<ServiceEvent["detail"]> {
  return EVENT_TEXTS[name] as EventText<ServiceEvent["detail"]>;
}

/** How bad it is. */
export function levelOf(event: ServiceEvent): Level {
  const { level } = textOf(event);
  return typeof level === "function" ? level(event.detail) : level;
}

/** What happened, in one sentence. */
export function sentenceOf(event: ServiceEvent): string {
  return textOf(event).sentence(event.detail);
}

/** The detail for JSON, which knows no bigint: offsets become text. */
export function plainDetail(detail: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(detail).map(([key, value]) => [
      key,
      typeof value === "bigint" ? value.toString() : value,
    ]),
  );
}
