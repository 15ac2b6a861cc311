/**
 * Metrics for Prometheus. A listener, like the log, counts events; gauges are read when Prometheus scrapes.
 *
 * Names and units follow https://prometheus.io/docs/practices/naming/. Labels have few values: never a run, a file or a path.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Listener, ServiceEvent } from "./observe.ts";
import type { RowTotals, Vocabulary } from "./vocabulary.ts";

/** Values that are read at a scrape, not counted. Times are seconds since 1970; null means that there is no value (yet). */
export interface Gauges {
  readonly parts: Readonly<Record<string, boolean>>;
  readonly lag: readonly { topic: string; partition: number; lag: number }[];
  readonly disks: readonly { holds: string; free_bytes: number; limit_bytes: number }[];
  readonly deadLetters: number | null;
  /** Whether the log is the data store's: `ok`, or what is wrong; null before the first check. */
  readonly logVerdict: string | null;
  /** Damaged ranges of the log that no repair covers; null while it is unknown. */
  readonly logDamaged: number | null;
  readonly meteors: number | null;
  readonly runs: Readonly<Record<string, number>>;
  readonly newestRow_s: number | null;
  readonly newestMeteor_s: number | null;
  readonly lastDailySuccess_s: number | null;
}

export interface Metrics {
  /** Counts events. */
  readonly listener: Listener;
  /** The text that Prometheus scrapes. `gauges` is null when the values could not be read. */
  scrape(gauges: Gauges | null): Promise<string>;
  readonly contentType: string;
}

/** A batch takes milliseconds, or tens of seconds when a table is locked. */
const BATCH_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const BATCH_RECORDS = [1, 10, 100, 500, 1000, 2500, 5000, 10_000];
const REQUEST_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 20];

/** Deno 2.9 has `monitorEventLoopDelay`, but it measures nothing: it reports a minimum delay of 9 billion seconds. */
const WRONG_UNDER_DENO = ["", "_min", "_max", "_mean", "_stddev", "_p50", "_p90", "_p99"].map((
  of,
) => `nodejs_eventloop_lag${of}_seconds`);

/** Creates the metrics with their own registry, one for each process (and each test). */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of WRONG_UNDER_DENO) registry.removeSingleMetric(name);
  const count = counters(registry);
  const gauges = gaugesOf(registry);
  const listener = countEvents(count);
  return {
    listener,
    contentType: registry.contentType,
    scrape(given) {
      gauges(given);
      return registry.metrics();
    },
  };
}

type Counters = ReturnType<typeof counters>;

function counters(registry: Registry) {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  return {
    read: counter("gmn_rows_read_total", "Data lines read from files and uploads"),
    published: counter("gmn_rows_published_total", "Rows published and acknowledged"),
    unchanged: counter(
      "gmn_rows_unchanged_total",
      "Rows that say what the log already says, not published again",
    ),
    rejected: counter("gmn_rows_rejected_total", "Lines that could not be read"),
    loaded: counter(
      "gmn_rows_loaded_total",
      "Records of a topic loaded, by their effect on the row",
      "topic",
      "result",
    ),
    deadLetters: counter(
      "gmn_dead_letters_total",
      "Dead letters written, by origin: read (lines of files) or sink (records)",
      "stage",
    ),
    confirmedUnknown: counter(
      "gmn_confirmed_unknown_total",
      "Trajectories that a file still has and the data store does not",
    ),
    passedOver: counter(
      "gmn_records_passed_over_total",
      "Records skipped because they are not the service's",
      "topic",
    ),
    files: counter("gmn_files_total", "Files of runs, by outcome", "result"),
    runs: counter("gmn_runs_total", "Runs that ended, by kind and outcome", "kind", "result"),
    retries: counter("gmn_retries_total", "Retries while something was unavailable", "what"),
    restarts: counter("gmn_restarts_total", "Restarts of parts that had died", "part"),
    heartbeats: counter("gmn_heartbeats_total", "Heartbeats of daily runs", "result"),
    batchSeconds: new Histogram({
      name: "gmn_sink_batch_duration_seconds",
      help: "Time to load a batch, including the commit",
      labelNames: ["topic"],
      buckets: BATCH_SECONDS,
      registers,
    }),
    batchRecords: new Histogram({
      name: "gmn_sink_batch_records",
      help: "Records in a batch",
      labelNames: ["topic"],
      buckets: BATCH_RECORDS,
      registers,
    }),
    requestSeconds: new Histogram({
      name: "gmn_http_request_duration_seconds",
      help: "Time until a request was answered (the body may still be on its way)",
      labelNames: ["method", "route", "status"],
      buckets: REQUEST_SECONDS,
      registers,
    }),
  };
}

/** The possible outcomes of loading a record. */
const LOADED = ["inserted", "updated", "unchanged", "stale", "duplicates", "confirmed"] as const;

type Counting = { readonly [Name in keyof Vocabulary]?: (detail: Vocabulary[Name]) => void };

/** Counts the events that metrics are made from. */
function countEvents(count: Counters): Listener {
  const rows = rowCounter(count);
  const counting: Counting = {
    "file.progress": rows.upTo,
    "file.extracted": (d) => (rows.upTo(d), rows.end(d), count.files.inc({ result: "extracted" })),
    "file.skipped": (d) => (rows.end(d), count.files.inc({ result: "skipped" })),
    "file.failed": (d) => (rows.end(d), count.files.inc({ result: "failed" })),
    "line.rejected": () => count.deadLetters.inc({ stage: "read" }),
    "run.completed": ({ kind }) => count.runs.inc({ kind, result: "completed" }),
    "run.failed": ({ kind }) => count.runs.inc({ kind, result: "failed" }),
    "run.cancelled": ({ kind }) => count.runs.inc({ kind, result: "cancelled" }),
    "sink.loaded": (d) => {
      const { topic } = d;
      for (const result of LOADED) {
        if (d[result] > 0) count.loaded.inc({ topic, result }, d[result]);
      }
      count.batchSeconds.observe({ topic }, d.took_ms / 1000);
      count.batchRecords.observe({ topic }, d.records);
    },
    "sink.unknown_confirmed": ({ unknown }) => count.confirmedUnknown.inc(unknown),
    "sink.dead_letter": () => count.deadLetters.inc({ stage: "sink" }),
    "sink.passed_over": ({ topic }) => count.passedOver.inc({ topic }),
    "sink.retry": ({ part }) => count.retries.inc({ what: part }),
    "source.retry": () => count.retries.inc({ what: "source" }),
    "dependency.unavailable": ({ part }) => count.retries.inc({ what: part }),
    "consumer.retry": () => count.retries.inc({ what: "broker" }),
    "sink.damaged": () => count.retries.inc({ what: "broker" }),
    "broker.restarting": () => count.restarts.inc({ part: "broker" }),
    "database.restarted": () => count.restarts.inc({ part: "database" }),
    "heartbeat.sent": () => count.heartbeats.inc({ result: "sent" }),
    "heartbeat.failed": () => count.heartbeats.inc({ result: "failed" }),
    "http.request": ({ method, route, status, took_ms }) =>
      count.requestSeconds.observe({ method, route, status: String(status) }, took_ms / 1000),
  };
  return ({ name, detail }: ServiceEvent) => {
    // The detail belongs to the name; the compiler can't follow the pair.
    (counting[name] as ((detail: unknown) => void) | undefined)?.(detail);
  };
}

type FileRows = { readonly runId: string; readonly file: string } & RowTotals;

/** Events have a file's total rows so far; counters need the increase since the last event. */
function rowCounter(count: Counters) {
  const before = new Map<string, FileRows>();
  const keyOf = ({ runId, file }: Pick<FileRows, "runId" | "file">) => `${runId} ${file}`;
  return {
    upTo(now: FileRows): void {
      const last = before.get(keyOf(now));
      // Fewer rows than before mean that the file was rewritten and is read from its beginning again.
      const since = (name: keyof RowTotals) => Math.max(0, now[name] - (last?.[name] ?? 0));
      count.read.inc(since("rowsRead"));
      count.published.inc(since("rowsPublished"));
      count.unchanged.inc(since("rowsUnchanged"));
      count.rejected.inc(since("rowsRejected"));
      before.set(keyOf(now), now);
    },
    end(file: Pick<FileRows, "runId" | "file">): void {
      before.delete(keyOf(file));
    },
  };
}

/** Sets the gauges to the given values; gauges without a value are left out of the scrape. */
function gaugesOf(registry: Registry): (given: Gauges | null) => void {
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const ready = gauge("gmn_part_ready", "Whether a part of the service works", "part");
  const lag = gauge(
    "gmn_consumer_lag_records",
    "Records of a partition that are not in the database yet",
    "topic",
    "partition",
  );
  const diskFree = gauge(
    "gmn_disk_free_bytes",
    "Free bytes of the disk that holds the log, and of the one that holds the database",
    "holds",
  );
  const diskLimit = gauge(
    "gmn_disk_limit_bytes",
    "Free bytes below which runs wait (DISK_FREE_MIN_MB)",
    "holds",
  );
  const logUndecided = gauge(
    "gmn_log_undecided",
    "1 while nothing is published or loaded because the log may not be the data store's; no series while all is well",
    "verdict",
  );
  const runs = gauge("gmn_runs", "Runs on record, by state", "state");
  const single = {
    deadLetters: gauge("gmn_dead_letters", "Dead letters that have not been replayed"),
    logDamaged: gauge(
      "gmn_log_damaged_ranges",
      "Ranges of the log that the embedded broker found damaged since this process started, and that are not repaired",
    ),
    meteors: gauge("gmn_meteors", "Meteors in the data store (an estimate when there are many)"),
    newestRow_s: gauge("gmn_newest_row_timestamp_seconds", "When a row was last stored or changed"),
    newestMeteor_s: gauge("gmn_newest_meteor_timestamp_seconds", "Beginning of the newest meteor"),
    lastDailySuccess_s: gauge(
      "gmn_last_daily_success_timestamp_seconds",
      "End of the last daily run that completed",
    ),
  };
  return (given) => {
    for (
      const one of [ready, lag, logUndecided, diskFree, diskLimit, runs, ...Object.values(single)]
    ) one.reset();
    for (const one of Object.values(single)) one.remove();
    if (given === null) return;
    for (const [part, isReady] of Object.entries(given.parts)) ready.set({ part }, Number(isReady));
    for (const { topic, partition, lag: records } of given.lag) {
      lag.set({ topic, partition: String(partition) }, records);
    }
    for (const { holds, free_bytes, limit_bytes } of given.disks) {
      diskFree.set({ holds }, free_bytes);
      diskLimit.set({ holds }, limit_bytes);
    }
    if (given.logVerdict !== null && given.logVerdict !== "ok") {
      logUndecided.set({ verdict: given.logVerdict }, 1);
    }
    for (const [state, number] of Object.entries(given.runs)) runs.set({ state }, number);
    for (const [name, one] of Object.entries(single)) {
      const value = given[name as keyof typeof single];
      if (value !== null) one.set(value);
    }
  };
}
