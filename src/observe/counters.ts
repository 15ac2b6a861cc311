/**
 * The counters: a listener, like the log, counts events.
 *
 * Every counter has a series for each value of its labels from the start, at 0. `increase()` of Prometheus sees only what happens
 * between two samples: of a series that begins with its first event, it would miss that event. So a counter is created with the
 * values of its labels, and the values come from where the events get them.
 */
import { Counter, Histogram, type Registry } from "prom-client";
import type { Listener, ServiceEvent } from "./observe.ts";
import { DEPENDENCIES, type RowTotals, type Vocabulary } from "./vocabulary.ts";

/** Values of labels that other modules define. */
export interface LabelValues {
  /** The topics that are consumed. */
  readonly topics: readonly string[];
  readonly runKinds: readonly string[];
}

/** A batch takes milliseconds, or tens of seconds when a table is locked. */
const BATCH_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const BATCH_RECORDS = [1, 10, 100, 500, 1000, 2500, 5000, 10_000];
const REQUEST_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 20];

/** The possible outcomes of loading a record. */
const LOADED = [
  "inserted",
  "updated",
  "unchanged",
  "stale",
  "duplicates",
  "confirmed",
] as const satisfies readonly (keyof Vocabulary["sink.loaded"])[];

/** Events, and what a counter's label says of each. */
type Labelled = { readonly [Name in keyof Vocabulary]?: string };

const FILES = {
  "file.extracted": "extracted",
  "file.skipped": "skipped",
  "file.failed": "failed",
} as const satisfies Labelled;
const RUNS = {
  "run.completed": "completed",
  "run.failed": "failed",
  "run.cancelled": "cancelled",
} as const satisfies Labelled;
const DEAD_LETTERS = {
  "line.rejected": "read",
  "sink.dead_letter": "sink",
} as const satisfies Labelled;
const RESTARTS = {
  "broker.restarting": "broker",
  "database.restarted": "database",
} as const satisfies Labelled;
const HEARTBEATS = {
  "heartbeat.sent": "sent",
  "heartbeat.failed": "failed",
} as const satisfies Labelled;
/** The other retries name the part that they wait for. */
const RETRIES = {
  "source.retry": "source",
  "consumer.retry": "broker",
  "sink.damaged": "broker",
} as const satisfies Labelled;

/** Creates the counters in this registry; gives the listener that counts. */
export function createCounters(registry: Registry, values: LabelValues): Listener {
  const count = { ...eventCounters(registry, values), ...histograms(registry, values) };
  const counting = countedEvents(count);
  return ({ name, detail }: ServiceEvent) => {
    // The detail belongs to the name; the compiler can't follow the pair.
    (counting[name] as ((detail: unknown) => void) | undefined)?.(detail);
  };
}

type Counters = ReturnType<typeof eventCounters> & ReturnType<typeof histograms>;

function eventCounters(registry: Registry, { topics, runKinds }: LabelValues) {
  const counter = <Label extends string = never>(
    name: string,
    help: string,
    values?: Readonly<Record<Label, readonly string[]>>,
  ) => {
    const labelNames = Object.keys(values ?? {}) as Label[];
    const made = new Counter<Label>({ name, help, labelNames, registers: [registry] });
    for (const one of combinations<Label>(values ?? {})) made.inc(one, 0);
    return made;
  };
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
      { topic: topics, result: LOADED },
    ),
    deadLetters: counter(
      "gmn_dead_letters_total",
      "Dead letters written, by origin: read (lines of files) or sink (records)",
      { stage: Object.values(DEAD_LETTERS) },
    ),
    confirmedUnknown: counter(
      "gmn_confirmed_unknown_total",
      "Trajectories that a file still has and the data store does not",
    ),
    passedOver: counter(
      "gmn_records_passed_over_total",
      "Records skipped because they are not the service's",
      { topic: topics },
    ),
    files: counter("gmn_files_total", "Files of runs, by outcome", {
      result: Object.values(FILES),
    }),
    runs: counter("gmn_runs_total", "Runs that ended, by kind and outcome", {
      kind: runKinds,
      result: Object.values(RUNS),
    }),
    retries: counter("gmn_retries_total", "Retries while something was unavailable", {
      what: [...new Set([...DEPENDENCIES, ...Object.values(RETRIES)])],
    }),
    restarts: counter("gmn_restarts_total", "Restarts of parts that had died", {
      part: Object.values(RESTARTS),
    }),
    heartbeats: counter("gmn_heartbeats_total", "Heartbeats of daily runs", {
      result: Object.values(HEARTBEATS),
    }),
    httpErrors: counter(
      "gmn_http_errors_total",
      "Requests that met a fault of the service (status 500)",
    ),
  };
}

/** Every combination of one value for each label. */
function combinations<Label extends string>(
  values: Readonly<Record<string, readonly string[]>>,
): Record<Label, string>[] {
  return Object.entries(values).reduce(
    (made, [label, some]) =>
      made.flatMap((one) => some.map((value) => ({ ...one, [label]: value }))),
    [{}],
  ) as Record<Label, string>[];
}

function histograms(registry: Registry, { topics }: LabelValues) {
  const registers = [registry];
  const ofBatches = (name: string, help: string, buckets: number[]) => {
    const made = new Histogram({ name, help, labelNames: ["topic"], buckets, registers });
    for (const topic of topics) made.zero({ topic });
    return made;
  };
  return {
    batchSeconds: ofBatches(
      "gmn_sink_batch_duration_seconds",
      "Time to load a batch, including the commit",
      BATCH_SECONDS,
    ),
    batchRecords: ofBatches("gmn_sink_batch_records", "Records in a batch", BATCH_RECORDS),
    /** The only one without series at the start: it would have hundreds. No alert depends on it. */
    requestSeconds: new Histogram({
      name: "gmn_http_request_duration_seconds",
      help: "Time until a request was answered (the body may still be on its way)",
      labelNames: ["method", "route", "status"],
      buckets: REQUEST_SECONDS,
      registers,
    }),
  };
}

type Counting = { readonly [Name in keyof Vocabulary]?: (detail: Vocabulary[Name]) => void };

/** What each event counts. */
function countedEvents(count: Counters): Counting {
  const rows = rowCounter(count);
  return {
    ...each(DEAD_LETTERS, (stage) => count.deadLetters.inc({ stage })),
    ...each(RESTARTS, (part) => count.restarts.inc({ part })),
    ...each(HEARTBEATS, (result) => count.heartbeats.inc({ result })),
    ...each(RETRIES, (what) => count.retries.inc({ what })),
    ...each(
      RUNS,
      (result, { kind }: { readonly kind: string }) => count.runs.inc({ kind, result }),
    ),
    ...each(FILES, (result, file: FileOfRun) => (rows.end(file), count.files.inc({ result }))),
    "file.progress": rows.upTo,
    "file.extracted": (d) => {
      rows.upTo(d);
      rows.end(d);
      count.files.inc({ result: FILES["file.extracted"] });
    },
    "sink.loaded": (d) => {
      const { topic } = d;
      for (const result of LOADED) {
        if (d[result] > 0) count.loaded.inc({ topic, result }, d[result]);
      }
      count.batchSeconds.observe({ topic }, d.took_ms / 1000);
      count.batchRecords.observe({ topic }, d.records);
    },
    "sink.unknown_confirmed": ({ unknown }) => count.confirmedUnknown.inc(unknown),
    "sink.passed_over": ({ topic }) => count.passedOver.inc({ topic }),
    "sink.retry": ({ part }) => count.retries.inc({ what: part }),
    "dependency.unavailable": ({ part }) => count.retries.inc({ what: part }),
    "http.request": ({ method, route, status, took_ms }) =>
      count.requestSeconds.observe({ method, route, status: String(status) }, took_ms / 1000),
    "http.error": () => count.httpErrors.inc(),
  };
}

/** The same for each of these events, with its label. */
function each<Events extends Labelled, Detail>(
  events: Events,
  work: (label: string, detail: Detail) => void,
): { readonly [Name in keyof Events]: (detail: Detail) => void } {
  return Object.fromEntries(
    Object.entries(events).map(([name, label]) => [name, (detail: Detail) => work(label, detail)]),
  ) as { [Name in keyof Events]: (detail: Detail) => void };
}

interface FileOfRun {
  readonly runId: string;
  readonly file: string;
}
type FileRows = FileOfRun & RowTotals;

/** Events have a file's total rows so far; counters need the increase since the last event. */
function rowCounter(count: Pick<Counters, "read" | "published" | "unchanged" | "rejected">) {
  const before = new Map<string, FileRows>();
  const keyOf = ({ runId, file }: FileOfRun) => `${runId} ${file}`;
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
    end(file: FileOfRun): void {
      before.delete(keyOf(file));
    },
  };
}
