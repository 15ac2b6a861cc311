/**
 * The name of every event, `part.what_happened`, with the fields of its detail.
 *
 * Metrics count the names, the event stream sends name and detail, the log prints a sentence. To add an event, add its detail here
 * and its level and sentence in `event_text.ts`. No detail carries a secret.
 *
 * A name ends in `failed` only when it is final. What is tried again is a `retry`, or `unavailable` when the cause is another part;
 * both say why, and when the next try comes.
 */

export type Level = "debug" | "info" | "warning" | "error";

/** A part that others need and wait for. */
export type Dependency = "broker" | "registry" | "database";

/** What failed and is tried again: try `attempt` failed, the next one comes in `delay_ms`. */
export interface Retry {
  reason: string;
  attempt: number;
  delay_ms: number;
}

/** What became of the rows of a file or a run so far. */
export interface RowTotals {
  rowsRead: number;
  rowsPublished: number;
  rowsRejected: number;
}

/** The detail of each event. Units are in the names. */
export interface Vocabulary {
  // Broker and registry, whichever stands behind the log.
  "broker.starting": { kind: string; reason: string };
  "broker.ready": { kind: string; brokers: string; schemaRegistryUrl: string; took_ms: number };
  "broker.stopped": { kind: string };
  "broker.failed": { kind: string; reason: string };
  /** It died and is started again. */
  "broker.restarting": { kind: string } & Retry;
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

  /** `work` waits for a part that does not answer. */
  "dependency.unavailable": { part: Dependency; work: string } & Retry;

  // The log of events as the application uses it.
  "log.topic_created": { topic: string; partitions: number };
  "log.schema_registered": { subject: string; id: number };
  "log.client": { level: Level; message: string };

  // Runs and the files they take.
  "run.requested": { runId: string; kind: string; selection: string };
  "run.started": { runId: string; kind: string; owner: string };
  "run.planned": { runId: string; files: number };
  "run.completed": { runId: string; kind: string; files: number; took_ms: number } & RowTotals;
  "run.failed": { runId: string; kind: string; reason: string };
  "run.cancelled": { runId: string; kind: string };
  "run.paused": { runId: string; kind: string };
  "run.loaded": { runId: string; kind: string; rowsLoaded: number; took_ms: number };
  "file.started": { runId: string; file: string; size_bytes: number | null };
  /** Everything before `byteOffset` is in the log; rows are counted from the beginning of the file. */
  "file.progress": { runId: string; file: string; byteOffset: number } & RowTotals;
  "file.extracted": { runId: string; file: string; took_ms: number } & RowTotals;
  "file.skipped": { runId: string; file: string; reason: string };
  "file.failed": { runId: string; file: string; reason: string };
  /** Tombstones were published for rows that a file no longer has. */
  "file.withdrew": { runId: string; file: string; rows: number };
  "file.withdrawal_held": { file: string; rows: number; before: number };
  /** Withdrawn trajectories were not looked for; the next run does it. */
  "withdrawal.deferred": { reason: string };
  "line.rejected": {
    runId: string;
    file: string;
    line: number;
    field: string | null;
    reason: string;
  };
  "source.retry": { url: string } & Retry;

  // The IAU's list of showers.
  "showers.fetched": { source: string; showers: number; changed: number; rejected: number };
  "showers.shipped": { edition: string; showers: number };
  "showers.not_shipped": { reason: string };
  "showers.unavailable": { address: string; reason: string; inUse: string; delay_ms: number };

  // The schedule.
  "schedule.set": { pattern: string; next: Date | null };
  "schedule.fired": { runId: string; planned: Date };
  "schedule.missed": { last: Date | null };
  "schedule.retry": Retry;
  /** The run was not requested; the next time of the pattern asks for it. */
  "schedule.deferred": { reason: string };
  "schedule.paused": Record<never, never>;
  "schedule.resumed": { next: Date | null };

  // The sink.
  /** The consumer's session ended; it joins its group again. */
  "consumer.retry": Retry;
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
  "dead_letter.replayed": { id: string; outcome: string; reason: string | null };
  "sink.passed_over": { topic: string; partition: number; offset: bigint; reason: string };
  "sink.retry": { topic: string; partition: number; part: Dependency } & Retry;
  "sink.fenced": { topic: string; partition: number; expected: bigint; found: bigint };
  /** A record batch came damaged and is fetched again; other partitions go on. */
  "sink.damaged": { topic: string; partition: number; offset: bigint } & Retry;

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
  /** A stop was requested for a second time: it goes on with short limits. */
  "service.hurrying": { reason: string };
  /** An error that nothing caught. It ends the service, in order. */
  "service.error": { reason: string; stack: string };
  /** A part could not be released in order; the stop goes on. */
  "service.release_failed": { name: string; reason: string };
  /** Work on the runs broke off; the lease is taken again. */
  "producer.retry": { reason: string; delay_ms: number };
  /** This process works on the runs from now on. */
  "producer.leads": Record<never, never>;
  /** It lost the lease, and another process may take it. */
  "producer.follows": { reason: string };
}
