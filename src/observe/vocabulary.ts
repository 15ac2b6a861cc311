/**
 * The name of every event, `part.what_happened`, with the fields of its detail.
 *
 * Metrics count the names, the event stream sends the name and the detail, and the log prints a sentence. To add an event, add its
 * detail here, and its level and sentence in `event_text.ts`. No detail contains a secret.
 *
 * A name ends in `failed` only when the failure is final. A failure that is retried is a `retry`, or `unavailable` when another
 * part caused it; both give the reason and the time of the next try.
 */

export type Level = "debug" | "info" | "warning" | "error";

/** Parts that other parts depend on and wait for. */
export const DEPENDENCIES = ["broker", "registry", "database"] as const;
export type Dependency = (typeof DEPENDENCIES)[number];

/** A failure that is retried: try `attempt` failed, and the next one follows in `delay_ms`. */
export interface Retry {
  reason: string;
  attempt: number;
  delay_ms: number;
}

/** The rows of a file or a run so far, by outcome. */
export interface RowTotals {
  rowsRead: number;
  rowsPublished: number;
  rowsUnchanged: number;
  rowsRejected: number;
}

/**
 * What became of a run's published rows: rowsPublished = rowsLoaded + rowsDead, and rowsLoaded is the sum of the others, which are null
 * when an earlier version has loaded some of the rows.
 */
export interface LoadedTotals {
  rowsLoaded: number;
  rowsDead: number;
  rowsNew: number | null;
  rowsChanged: number | null;
  rowsRepeated: number | null;
  rowsStale: number | null;
  rowsDuplicate: number | null;
}

/** How much room a disk has, and below which limit nothing is published. */
export interface DiskRoom {
  holds: "log" | "database";
  path: string;
  free_bytes: number;
  limit_bytes: number;
}

/** The detail of each event. Field names include the units. */
export interface Vocabulary {
  // The broker and its registry, of any kind.
  "broker.starting": { kind: string; reason: string };
  "broker.ready": { kind: string; brokers: string; schemaRegistryUrl: string; took_ms: number };
  "broker.stopped": { kind: string };
  "broker.failed": { kind: string; reason: string };
  /** The broker died and is restarted. */
  "broker.restarting": { kind: string } & Retry;
  /** A line of the broker's own output. */
  "broker.log": { kind: string; level: Level; line: string };
  /** A client or request that the embedded broker refused. */
  "broker.refused": { client: string; reason: string };

  // PostgreSQL.
  "database.starting": { directory: string; port: number };
  "database.ready": { url: string; version: string; took_ms: number };
  "database.stopped": { directory: string };
  "database.log": { line: string };
  "database.migrated": { name: string; took_ms: number };
  /** Files that PostgreSQL's user could not reach were put elsewhere. */
  "database.moved": { what: "programs" | "data"; directory: string; reason: string };
  /** The embedded server had ended unexpectedly and was restarted. */
  "database.restarted": { directory: string; port: number };

  /** `work` waits for a part that does not answer. */
  "dependency.unavailable": { part: Dependency; work: string } & Retry;

  // The disks of the embedded engines.
  /** A disk will soon have too little room. */
  "disk.filling": DiskRoom;
  /** Less than the limit: runs wait. */
  "disk.filled": DiskRoom;
  /** There is room again: runs go on. */
  "disk.resumed": DiskRoom;

  // The log, as the application uses it.
  "log.topic_created": { topic: string; partitions: number };
  /** The loss of one broker may lose records. Topics that exist are never changed. */
  "log.underreplicated": { reason: string; advice: string };
  "log.schema_registered": { subject: string; id: number };
  /** This is not the log that the data store was built from, or it lost records. Nothing is published or loaded. */
  "log.undecided": {
    kind: string;
    summary: string;
    /** The numbers, separated by semicolons. */
    found: string;
    /** The commands that decide. */
    decisions: string;
    page: string;
  };
  /** The log fits the data store again. */
  "log.decided": { logId: string; dataStoreId: string };
  /** The embedded broker has found stored records that can't be read; once for each range. Offsets are inclusive. */
  "log.damaged": {
    topic: string;
    partition: number;
    firstOffset: bigint;
    lastOffset: bigint;
    reason: string;
  };
  "log.client": { level: Level; message: string };

  // Runs and their files.
  "run.requested": { runId: string; kind: string; selection: string };
  /** It waits for another run of its kind. */
  "run.queued": { runId: string; kind: string; behind: string };
  "run.started": { runId: string; kind: string; owner: string };
  "run.planned": { runId: string; files: number };
  "run.completed": { runId: string; kind: string; files: number; took_ms: number } & RowTotals;
  "run.failed": { runId: string; kind: string; reason: string };
  "run.cancelled": { runId: string; kind: string };
  "run.paused": { runId: string; kind: string };
  /** An event of a process that no longer led when the event reached the log: it changes nothing. */
  "run.event_fenced": { runId: string; type: string; epoch: number; leader: number };
  /** The sink has passed the run's last record. `GET /runs/ID` has the same counts. */
  "run.loaded": { runId: string; kind: string; took_ms: number } & LoadedTotals;
  "file.started": { runId: string; file: string; size_bytes: number | null };
  /** Everything before `byteOffset` is in the log. Rows are counted from the beginning of the file. */
  "file.progress": { runId: string; file: string; byteOffset: number } & RowTotals;
  "file.extracted": { runId: string; file: string; took_ms: number } & RowTotals;
  /** The file's stamp lies so far ahead of the clock that it is not believed. */
  "file.stamp_ignored": { runId: string; file: string; stamp: Date; ahead_ms: number };
  "file.skipped": { runId: string; file: string; reason: string };
  /** The file can't be read yet; `attempt` of `attempts` failed, and the next one is at `retryAt`, at the earliest. */
  "file.deferred": {
    runId: string;
    file: string;
    attempt: number;
    attempts: number;
    reason: string;
    retryAt: Date;
  };
  "file.failed": { runId: string; file: string; reason: string };
  /** Tombstones were published for rows that a file no longer has. */
  "file.withdrew": { runId: string; file: string; rows: number };
  "file.withdrawal_held": { file: string; rows: number; before: number };
  /** The search for withdrawn trajectories was skipped; the next run does it. */
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
  /** The run could not be requested; the next scheduled time tries again. */
  "schedule.deferred": { reason: string };
  "schedule.paused": Record<never, never>;
  "schedule.resumed": { next: Date | null };

  // The sink.
  /** The consumer's session ended; it joins its group again. */
  "consumer.retry": Retry;
  "sink.assigned": { topic: string; partition: number; nextOffset: bigint };
  "sink.revoked": { topic: string; partition: number };
  "sink.loaded": {
    topic: string;
    partition: number;
    records: number;
    inserted: number;
    updated: number;
    unchanged: number;
    stale: number;
    duplicates: number;
    /** Rows that were not published again because the log already says them, and for which confirm records stand. */
    confirmed: number;
    took_ms: number;
  };
  /** Confirm records stand for trajectories that the data store does not have: records of the log are missing in it. */
  "sink.unknown_confirmed": {
    topic: string;
    partition: number;
    firstOffset: bigint;
    nextOffset: bigint;
    unknown: number;
  };
  "sink.dead_letter": { topic: string; partition: number; offset: bigint; reason: string };
  /** A dead letter was replayed, with any outcome. */
  "dead_letter.replayed": { id: string; outcome: string; reason: string | null };
  "sink.passed_over": { topic: string; partition: number; offset: bigint; reason: string };
  "sink.retry": { topic: string; partition: number; part: Dependency } & Retry;
  "sink.fenced": { topic: string; partition: number; expected: bigint; found: bigint };
  /** A fetched record batch was damaged and is fetched again; other partitions continue. */
  "sink.damaged": { topic: string; partition: number; offset: bigint } & Retry;

  // Heartbeats to the dead man's switch that monitors the daily run.
  "heartbeat.sent": { runId: string; took_ms: number };
  "heartbeat.failed": { runId: string; reason: string };

  // HTTP.
  "http.listening": { url: string };
  /** Metrics and readiness are served by themselves, without the API. */
  "metrics.listening": { url: string };
  /** `route` is the pattern that the path matched. The query is left out, since it belongs to the caller. */
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
  /** A second stop was requested: the stop continues with short time limits. */
  "service.hurrying": { reason: string };
  /** An uncaught error. It ends the service with an orderly stop. */
  "service.error": { reason: string; stack: string };
  /** A part did not stop cleanly; the stop of the service continues. */
  "service.release_failed": { name: string; reason: string };
  /** Work on the runs failed; the producer tries to take the lease again. */
  "producer.retry": { reason: string; delay_ms: number };
  /** This process works on the runs from now on. */
  "producer.leads": { epoch: number };
  /** This process lost the lease; another process may take it. */
  "producer.follows": { reason: string };
  /** The holder of a lease was frozen or could not be reached: this process has ended its session, and has the lease. */
  "lease.holder_replaced": { lease: string; from: string; silent_ms: number };
}
