/**
 * Everything that can happen, named once: `room.thing` with the fields of its detail, its level and its sentence.
 *
 * The log prints the sentence, metrics count the names, the event stream sends both. Adding an event is adding one
 * entry to `Vocabulary` (its detail) and one to `VOCABULARY` (level and sentence). No detail carries a secret.
 */

export type Level = "debug" | "info" | "warning" | "error";

/** The detail of each event. Units are in the names. */
export interface Vocabulary {
  // Broker and registry, whichever stands behind the log.
  "broker.starting": { kind: string; reason: string };
  "broker.ready": { kind: string; brokers: string; schemaRegistryUrl: string; took_ms: number };
  "broker.stopped": { kind: string };
  "broker.failed": { kind: string; reason: string };
  /** It died and is started again. */
  "broker.restarting": { kind: string; reason: string; attempt: number; delay_ms: number };
  /** A line of its own output. */
  "broker.log": { kind: string; level: Level; line: string };
  /** A client or request that the embedded broker refused. */
  "broker.refused": { client: string; reason: string };

  // PostgreSQL.
  "database.starting": { directory: string; port: number };
  "database.ready": { url: string; version: string; took_ms: number };
  "database.stopped": { directory: string };
  "database.log": { line: string };
  "database.migrated": { name: string; took_ms: number };
  /** What PostgreSQL's user could not reach was put elsewhere. */
  "database.moved": { what: "programs" | "data"; directory: string; reason: string };
  /** The embedded server was gone without our doing and runs again. */
  "database.restarted": { directory: string; port: number };

  // The log of events as the application uses it.
  "log.topic_created": { topic: string; partitions: number };
  "log.schema_registered": { subject: string; id: number };
  "log.client": { level: Level; message: string };
  "log.unavailable": { what: string; reason: string; attempt: number; delay_ms: number };

  // Runs and the files they take.
  "run.requested": { runId: string; kind: string; selection: string };
  "run.started": { runId: string; kind: string; owner: string };
  "run.planned": { runId: string; files: number };
  "run.completed": {
    runId: string;
    kind: string;
    files: number;
    rowsRead: number;
    rowsPublished: number;
    rowsRejected: number;
    took_ms: number;
  };
  "run.failed": { runId: string; kind: string; reason: string };
  "run.cancelled": { runId: string; kind: string };
  "run.paused": { runId: string; kind: string };
  "run.loaded": { runId: string; kind: string; rowsLoaded: number; took_ms: number };
  "file.started": { runId: string; file: string; size_bytes: number | null };
  /** Everything before `byteOffset` is in the log; rows are counted from the beginning of the file. */
  "file.progress": {
    runId: string;
    file: string;
    byteOffset: number;
    rowsRead: number;
    rowsPublished: number;
    rowsRejected: number;
  };
  "file.extracted": {
    runId: string;
    file: string;
    rowsRead: number;
    rowsPublished: number;
    rowsRejected: number;
    took_ms: number;
  };
  "file.skipped": { runId: string; file: string; reason: string };
  "file.failed": { runId: string; file: string; reason: string };
  /** Tombstones were published for rows that a file has no more. */
  "file.withdrew": { runId: string; file: string; rows: number };
  "file.withdrawal_held": { file: string; rows: number; before: number };
  "withdrawal.failed": { reason: string };
  "line.rejected": {
    runId: string;
    file: string;
    line: number;
    field: string | null;
    reason: string;
  };
  "source.retry": { url: string; reason: string; attempt: number; delay_ms: number };

  // The IAU's list of showers.
  "showers.fetched": { source: string; showers: number; changed: number; rejected: number };
  "showers.shipped": { edition: string; showers: number };
  "showers.not_shipped": { reason: string };
  "showers.unavailable": { address: string; reason: string; inUse: string };

  // The schedule.
  "schedule.set": { pattern: string; next: Date | null };
  "schedule.fired": { runId: string; planned: Date };
  "schedule.missed": { last: Date | null };
  "schedule.failed": { reason: string };
  "schedule.paused": Record<never, never>;
  "schedule.resumed": { next: Date | null };

  // The sink.
  "sink.assigned": { topic: string; partition: number; nextOffset: bigint };
  "sink.revoked": { topic: string; partition: number };
  "sink.repositioned": {
    topic: string;
    partition: number;
    from: bigint | null;
    to: bigint;
    reason: string;
  };
  "sink.loaded": {
    topic: string;
    partition: number;
    records: number;
    inserted: number;
    updated: number;
    unchanged: number;
    stale: number;
    duplicates: number;
    took_ms: number;
  };
  "sink.dead_letter": { topic: string; partition: number; offset: bigint; reason: string };
  /** A dead letter was tried again. */
  "letter.replayed": { id: string; outcome: string; reason: string | null };
  "sink.passed_over": { topic: string; partition: number; offset: bigint; reason: string };
  "sink.retry": {
    topic: string;
    partition: number;
    reason: string;
    attempt: number;
    delay_ms: number;
  };
  "sink.fenced": { topic: string; partition: number; expected: bigint; found: bigint };
  /** A record batch came damaged and is fetched again; other partitions go on. */
  "sink.damaged": {
    topic: string;
    partition: number;
    offset: bigint;
    reason: string;
    attempt: number;
    delay_ms: number;
  };

  // The dead man's switch of whoever watches the daily run.
  "heartbeat.sent": { runId: string; took_ms: number };
  "heartbeat.failed": { runId: string; reason: string };

  // HTTP.
  "http.listening": { url: string };
  /** `route` is the pattern that the path matched; the query is left out, it is the caller's. */
  "http.request": {
    requestId: string;
    method: string;
    path: string;
    route: string;
    status: number;
    took_ms: number;
  };
  "http.error": { requestId: string; method: string; path: string; reason: string };

  // The process.
  "service.starting": { version: string; dataDirectory: string };
  "service.ready": { took_ms: number };
  "service.stopping": { reason: string };
  "service.stopped": { took_ms: number };
  /** A stop was asked for a second time: it goes on with short limits. */
  "service.hurrying": { reason: string };
  /** Nothing has caught it. It ends the service, in order. */
  "service.error": { reason: string; stack: string };
  /** A part could not be released in order; the stop goes on. */
  "service.release_failed": { name: string; reason: string };
  "producer.failed": { reason: string };
  /** This process works on the runs from now on. */
  "producer.leads": Record<never, never>;
  /** It lost the right to. */
  "producer.follows": { reason: string };
}

/** How one event is told. */
export interface Telling<Detail> {
  level: Level | ((detail: Detail) => Level);
  /** One plain sentence, values included. */
  say: (detail: Detail) => string;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 0)} s`;
const count = (n: number): string => n.toLocaleString("en-US");

/** Level and sentence of each event. */
export const VOCABULARY: { [Name in keyof Vocabulary]: Telling<Vocabulary[Name]> } = {
  "broker.starting": { level: "info", say: (d) => `broker: ${d.kind} (${d.reason})` },
  "broker.ready": {
    level: "info",
    say: (d) =>
      `broker ready at ${d.brokers}, registry at ${d.schemaRegistryUrl} (${seconds(d.took_ms)})`,
  },
  "broker.stopped": { level: "info", say: (d) => `broker (${d.kind}) stopped` },
  "broker.failed": { level: "error", say: (d) => `broker (${d.kind}) failed: ${d.reason}` },
  "broker.restarting": {
    level: "warning",
    say: (d) =>
      `broker (${d.kind}): ${d.reason}; started again in ${
        seconds(d.delay_ms)
      } (attempt ${d.attempt})`,
  },
  "broker.log": { level: (d) => d.level, say: (d) => `${d.kind}: ${d.line}` },
  "broker.refused": { level: "debug", say: (d) => `broker refused ${d.client}: ${d.reason}` },

  "database.starting": {
    level: "info",
    say: (d) => `PostgreSQL starting in ${d.directory} on port ${d.port}`,
  },
  "database.ready": {
    level: "info",
    say: (d) => `PostgreSQL ${d.version} ready at ${d.url} (${seconds(d.took_ms)})`,
  },
  "database.stopped": { level: "info", say: () => `PostgreSQL stopped` },
  "database.log": { level: "debug", say: (d) => `postgres: ${d.line}` },
  "database.migrated": {
    level: "info",
    say: (d) => `migration ${d.name} applied (${seconds(d.took_ms)})`,
  },
  "database.moved": {
    level: "info",
    say: (d) => `PostgreSQL's ${d.what} are in ${d.directory}: ${d.reason}`,
  },
  "database.restarted": {
    level: "warning",
    say: (d) => `PostgreSQL in ${d.directory} was gone; started again on port ${d.port}`,
  },

  "log.topic_created": {
    level: "info",
    say: (d) => `topic ${d.topic} created with ${d.partitions} partition(s)`,
  },
  "log.schema_registered": {
    level: "debug",
    say: (d) => `schema of ${d.subject} registered with id ${d.id}`,
  },
  "log.client": { level: (d) => d.level, say: (d) => `kafka: ${d.message}` },
  "log.unavailable": {
    level: "warning",
    say: (d) =>
      `${d.what} not available (${d.reason}); try ${d.attempt} failed, next in ${
        seconds(d.delay_ms)
      }`,
  },

  "run.requested": { level: "info", say: (d) => `run ${d.runId} requested: ${d.selection}` },
  "run.started": { level: "info", say: (d) => `run ${d.runId} (${d.kind}) started` },
  "run.planned": {
    level: "info",
    say: (d) => `run ${d.runId}: ${count(d.files)} file(s) to look at`,
  },
  "run.completed": {
    level: "info",
    say: (d) =>
      `run ${d.runId} (${d.kind}) completed: ${count(d.files)} file(s), ${
        count(d.rowsRead)
      } rows read, ` +
      `${count(d.rowsPublished)} published, ${count(d.rowsRejected)} rejected (${
        seconds(d.took_ms)
      })`,
  },
  "run.failed": { level: "error", say: (d) => `run ${d.runId} (${d.kind}) failed: ${d.reason}` },
  "run.cancelled": { level: "warning", say: (d) => `run ${d.runId} (${d.kind}) cancelled` },
  "run.paused": {
    level: "info",
    say: (d) => `run ${d.runId} (${d.kind}) paused; it goes on at the next start`,
  },
  "run.loaded": {
    level: "info",
    say: (d) =>
      `run ${d.runId} (${d.kind}) loaded: ${count(d.rowsLoaded)} rows in the data store (${
        seconds(d.took_ms)
      })`,
  },
  "file.started": { level: "debug", say: (d) => `reading ${d.file}` },
  "file.progress": {
    level: "debug",
    say: (d) =>
      `${d.file}: ${count(d.rowsRead)} rows read, ${count(d.rowsPublished)} published, ` +
      `${count(d.rowsRejected)} rejected so far`,
  },
  "file.extracted": {
    level: "info",
    say: (d) =>
      `${d.file}: ${count(d.rowsRead)} rows read, ${count(d.rowsPublished)} published, ` +
      `${count(d.rowsRejected)} rejected (${seconds(d.took_ms)})`,
  },
  "file.skipped": { level: "debug", say: (d) => `${d.file} skipped: ${d.reason}` },
  "file.failed": { level: "warning", say: (d) => `${d.file} failed: ${d.reason}` },
  "file.withdrew": {
    level: "info",
    say: (d) => `${d.file} has ${count(d.rows)} trajectories no more: withdrawn`,
  },
  "file.withdrawal_held": {
    level: "warning",
    say: (d) =>
      `${d.file} lost ${count(d.rows)} of ${
        count(d.before)
      } trajectories at once; they are withdrawn when a later ` +
      `generation is without them too`,
  },
  "withdrawal.failed": {
    level: "warning",
    say: (d) =>
      `withdrawn trajectories could not be looked for (${d.reason}); the next run does it`,
  },
  "line.rejected": {
    level: "debug",
    say: (d) => `${d.file} line ${d.line} goes to the dead letters: ${d.reason}`,
  },
  "source.retry": {
    level: "warning",
    say: (d) =>
      `${
        d.reason.includes(d.url) ? "" : `${d.url}: `
      }${d.reason}; try ${d.attempt} failed, next in ${seconds(d.delay_ms)}`,
  },

  "showers.fetched": {
    level: "info",
    say: (d) =>
      `shower list of ${d.source}: ${count(d.showers)} showers, ${count(d.changed)} changed` +
      (d.rejected === 0 ? "" : `, ${count(d.rejected)} lines not understood`),
  },
  "showers.shipped": {
    level: "info",
    say: (d) => `${count(d.showers)} shower names from the shipped IAU list of ${d.edition}`,
  },
  "showers.not_shipped": {
    level: "warning",
    say: (d) =>
      `Could not publish the shipped IAU shower list (${d.reason}). Showers are shown by code until it is published.`,
  },
  "showers.unavailable": {
    level: "info",
    say: (d) =>
      `Could not fetch the IAU shower list (${d.reason}). Names come from ${d.inUse} until it is available.`,
  },
  "schedule.set": {
    level: "info",
    say: (d) => `schedule ${d.pattern} UTC, next ${d.next?.toISOString() ?? "never"}`,
  },
  "schedule.fired": { level: "info", say: (d) => `schedule fired: run ${d.runId}` },
  "schedule.failed": {
    level: "warning",
    say: (d) => `the scheduled run could not be requested: ${d.reason}`,
  },
  "schedule.paused": { level: "info", say: () => "schedule paused until it is resumed" },
  "schedule.resumed": {
    level: "info",
    say: (d) => `schedule resumed, next ${d.next?.toISOString() ?? "never"}`,
  },
  "schedule.missed": {
    level: "info",
    say: (d) =>
      `a scheduled daily run was missed (last one: ${
        d.last?.toISOString() ?? "never"
      }); making up for it`,
  },

  "sink.assigned": {
    level: "debug",
    say: (d) => `${d.topic}-${d.partition} assigned, from offset ${d.nextOffset}`,
  },
  "sink.revoked": { level: "debug", say: (d) => `${d.topic}-${d.partition} revoked` },
  "sink.repositioned": {
    level: "warning",
    say: (d) => `${d.topic}-${d.partition} is read from offset ${d.to}, not ${d.from}: ${d.reason}`,
  },
  "sink.loaded": {
    level: "debug",
    say: (d) =>
      `${d.topic}-${d.partition}: ${count(d.records)} records, ${count(d.inserted)} inserted, ` +
      `${count(d.updated)} updated, ${count(d.unchanged)} unchanged, ${count(d.stale)} stale, ` +
      `${count(d.duplicates)} duplicates (${seconds(d.took_ms)})`,
  },
  "sink.dead_letter": {
    level: "warning",
    say: (d) => `${d.topic}-${d.partition}@${d.offset} goes to the dead letters: ${d.reason}`,
  },
  "letter.replayed": {
    level: "info",
    say: (d) =>
      `dead letter ${d.id} replayed: ${d.outcome}${d.reason === null ? "" : ` (${d.reason})`}`,
  },
  "sink.passed_over": {
    level: "warning",
    say: (d) => `${d.topic}-${d.partition}@${d.offset} is not one of our records: ${d.reason}`,
  },
  "sink.retry": {
    level: "warning",
    say: (d) =>
      `${d.topic}-${d.partition} can't load now (${d.reason}); try ${d.attempt} failed, next in ${
        seconds(d.delay_ms)
      }`,
  },
  "sink.fenced": {
    level: "warning",
    say: (d) =>
      `${d.topic}-${d.partition}: the database is at offset ${d.found}, not ${d.expected}: another consumer went on; seeking`,
  },
  "sink.damaged": {
    level: "warning",
    say: (d) =>
      `${d.topic}-${d.partition}: ${d.reason}; fetch ${d.attempt} brought it so, next in ${
        seconds(d.delay_ms)
      }`,
  },

  "heartbeat.sent": {
    level: "debug",
    say: (d) => `heartbeat sent for run ${d.runId} (${seconds(d.took_ms)})`,
  },
  "heartbeat.failed": {
    level: "warning",
    say: (d) => `the heartbeat for run ${d.runId} could not be sent: ${d.reason}`,
  },

  "http.listening": { level: "info", say: (d) => `HTTP at ${d.url}` },
  "http.request": {
    level: "debug",
    say: (d) => `${d.method} ${d.path} ${d.status} (${Math.round(d.took_ms)} ms)`,
  },
  "http.error": { level: "error", say: (d) => `${d.method} ${d.path} failed: ${d.reason}` },

  "service.starting": {
    level: "info",
    say: (d) => `GMN Data Store ingestion ${d.version}, data in ${d.dataDirectory}`,
  },
  "service.ready": { level: "info", say: (d) => `ready (${seconds(d.took_ms)})` },
  "service.stopping": { level: "info", say: (d) => `stopping: ${d.reason}` },
  "service.release_failed": {
    level: "warning",
    say: (d) => `${d.name} did not stop in order: ${d.reason}`,
  },
  "producer.failed": { level: "error", say: (d) => `the producer stumbled: ${d.reason}` },
  "producer.leads": { level: "debug", say: () => "this process works on the runs" },
  "producer.follows": {
    level: "warning",
    say: (d) =>
      `this process works on the runs no more (${d.reason}); they go on where it can again`,
  },
  "service.stopped": { level: "info", say: (d) => `stopped (${seconds(d.took_ms)})` },
  "service.hurrying": { level: "warning", say: (d) => `stopping in a hurry: ${d.reason}` },
  "service.error": { level: "error", say: (d) => `uncaught error: ${d.reason}` },
};
