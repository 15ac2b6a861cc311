import { beforeEach, describe, expect, test } from "vitest";
import type { Gauges } from "./gauges.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createObserver, type Observe } from "./observe.ts";
import { DEPENDENCIES } from "./vocabulary.ts";

let metrics: Metrics;
let observe: Observe;

beforeEach(() => {
  metrics = createMetrics({ topics: ["t"], runKinds: ["daily", "backfill"] });
  const observer = createObserver((error) => {
    throw error;
  });
  observer.listen(metrics.listener);
  observe = observer.observe;
});

const GAUGES: Gauges = {
  leases: [{ lease: "producer", renewedAgo_s: 4 }],
  runsWithoutOwner: 0,
  logVerdict: "shorter",
  logDamaged: 2,
  parts: { broker: true, database: false },
  lag: [{ topic: "t", partition: 0, lag: 7 }],
  disks: [{ holds: "log", free_bytes: 30, limit_bytes: 10 }],
  deadLetters: 3,
  meteors: 5,
  runs: { failed: 1 },
  newestRow_s: 10,
  newestMeteor_s: null,
  lastDailySuccess_s: 20,
};

async function value(series: string, gauges: Gauges | null = null): Promise<number | null> {
  const line = (await metrics.scrape(gauges)).split("\n").find((one) =>
    one.startsWith(`${series} `)
  );
  return line === undefined ? null : Number(line.slice(series.length + 1));
}

const rows = (read: number, published: number, rejected: number) => ({
  rowsRead: read,
  rowsPublished: published,
  rowsUnchanged: read - published - rejected,
  rowsRejected: rejected,
});

describe("rows of files", () => {
  const of = { runId: "r", file: "f" };

  test("are counted once, whether they are reported in progress or at the end", async () => {
    observe("file.progress", { ...of, byteOffset: 10, ...rows(10, 9, 1) });
    observe("file.progress", { ...of, byteOffset: 20, ...rows(20, 19, 1) });
    observe("file.extracted", { ...of, took_ms: 1, ...rows(25, 23, 2) });
    expect(await value("gmn_rows_read_total")).toBe(25);
    expect(await value("gmn_rows_published_total")).toBe(23);
    expect(await value("gmn_rows_rejected_total")).toBe(2);
    expect(await value('gmn_files_total{result="extracted"}')).toBe(1);
  });

  test("of a file that is read again from its beginning never count down", async () => {
    observe("file.progress", { ...of, byteOffset: 10, ...rows(10, 10, 0) });
    observe("file.progress", { ...of, byteOffset: 3, ...rows(3, 3, 0) });
    observe("file.progress", { ...of, byteOffset: 5, ...rows(5, 5, 0) });
    expect(await value("gmn_rows_read_total")).toBe(12);
  });

  test("of the same file in another run are counted again", async () => {
    observe("file.extracted", { ...of, took_ms: 1, ...rows(5, 5, 0) });
    observe("file.extracted", { ...of, runId: "s", took_ms: 1, ...rows(5, 5, 0) });
    expect(await value("gmn_rows_read_total")).toBe(10);
  });
});

describe("counters", () => {
  /** The series of counters, without those of requests, whose routes and answers only requests tell. */
  async function series(): Promise<string[]> {
    const text = await metrics.scrape(null);
    const counters = [...text.matchAll(/^# TYPE (gmn_\w+) (?:counter|histogram)$/gm)]
      .map((match) => match[1]!).filter((name) => !/^gmn_http_request_/.test(name));
    expect(counters.length).toBeGreaterThan(10);
    const lines = text.split("\n").filter((line) => line.startsWith("gmn_"));
    for (const name of counters) {
      expect(lines.some((line) => line.startsWith(name)), `${name} has no series`).toBe(true);
    }
    return lines.filter((line) => counters.some((name) => line.startsWith(name)))
      .map((line) => line.slice(0, line.lastIndexOf(" ")));
  }

  test("are all there at 0 before the first event, and no event adds a series", async () => {
    const atStart = await series();
    const wait = { reason: "no answer", attempt: 1, delay_ms: 10 };
    const totals = rows(3, 1, 1);
    const batch = { topic: "t", partition: 0, records: 6, took_ms: 1 };
    const outcomes = { inserted: 1, updated: 1, unchanged: 1, stale: 1, duplicates: 1 };
    for (const kind of ["daily", "backfill"]) {
      const run = { runId: "r", kind };
      observe("run.completed", { ...run, files: 1, took_ms: 1, ...totals });
      observe("run.failed", { ...run, reason: "no" });
      observe("run.cancelled", run);
    }
    const file = { runId: "r", file: "f" };
    observe("file.progress", { ...file, byteOffset: 1, ...totals });
    observe("file.extracted", { ...file, took_ms: 1, ...totals });
    observe("file.skipped", { ...file, reason: "unchanged" });
    observe("file.failed", { ...file, reason: "no" });
    observe("line.rejected", { ...file, line: 1, field: null, reason: "no" });
    observe("sink.loaded", { ...batch, ...outcomes, confirmed: 1 });
    observe("sink.dead_letter", { topic: "t", partition: 0, offset: 0n, reason: "no" });
    observe("sink.passed_over", { topic: "t", partition: 0, offset: 0n, reason: "no" });
    for (const part of DEPENDENCIES) {
      observe("dependency.unavailable", { part, work: "w", ...wait });
      observe("sink.retry", { topic: "t", partition: 0, part, ...wait });
    }
    observe("consumer.retry", wait);
    observe("sink.damaged", { topic: "t", partition: 0, offset: 0n, ...wait });
    observe("source.retry", { url: "u", ...wait });
    observe("broker.restarting", { kind: "redpanda", ...wait });
    observe("database.restarted", { directory: "d", port: 1 });
    observe("heartbeat.sent", { runId: "r", took_ms: 1 });
    observe("heartbeat.failed", { runId: "r", reason: "no" });
    observe("http.error", { requestId: "1", method: "GET", path: "/", reason: "no" });
    expect(await series()).toEqual(atStart);
    expect(await value('gmn_runs_total{kind="daily",result="failed"}')).toBe(1);
    expect(await value('gmn_dead_letters_total{stage="sink"}')).toBe(1);
    expect(await value('gmn_retries_total{what="broker"}')).toBe(4);
    expect(await value("gmn_http_errors_total")).toBe(1);
  });
});

test("batches are counted with their rows by outcome, time and size", async () => {
  const none = { stale: 0, duplicates: 0, confirmed: 0 };
  const outcomes = { inserted: 3, updated: 2, unchanged: 1, ...none };
  const batch = { topic: "t", partition: 0, records: 6, ...outcomes };
  observe("sink.loaded", { ...batch, took_ms: 20 });
  expect(await value('gmn_rows_loaded_total{topic="t",result="inserted"}')).toBe(3);
  expect(await value('gmn_sink_batch_duration_seconds_bucket{le="0.025",topic="t"}')).toBe(1);
  expect(await value('gmn_sink_batch_records_sum{topic="t"}')).toBe(6);
});

test("requests are counted by route, not by path: requested ids do not create new series", async () => {
  for (const id of ["a", "b"]) {
    observe("http.request", {
      requestId: id,
      method: "GET",
      path: `/meteors/${id}`,
      route: "/meteors/:id",
      status: 200,
      took_ms: 2,
    });
  }
  const text = await metrics.scrape(null);
  expect(text).toContain(
    'gmn_http_request_duration_seconds_count{method="GET",route="/meteors/:id",status="200"} 2',
  );
});

test("gauges have the given values; a gauge without a value has no series, not its old value", async () => {
  expect(await value('gmn_part_ready{part="database"}', GAUGES)).toBe(0);
  expect(await value('gmn_log_undecided{verdict="shorter"}', GAUGES)).toBe(1);
  const decided = { ...GAUGES, logVerdict: "ok" };
  expect(await value('gmn_log_undecided{verdict="shorter"}', decided)).toBeNull();
  expect(await value('gmn_consumer_lag_records{topic="t",partition="0"}', GAUGES)).toBe(7);
  expect(await value("gmn_newest_row_timestamp_seconds", GAUGES)).toBe(10);
  expect(await value("gmn_newest_meteor_timestamp_seconds", GAUGES)).toBeNull();
  for (const series of ['gmn_part_ready{part="broker"}', "gmn_newest_row_timestamp_seconds"]) {
    expect(await value(series, null)).toBeNull();
  }
});

test("retries are counted by the unavailable part", async () => {
  const wait = { reason: "no answer", attempt: 1, delay_ms: 10 };
  observe("dependency.unavailable", { part: "database", work: "the start", ...wait });
  for (const part of ["registry", "database"] as const) {
    observe("sink.retry", { topic: "t", partition: 0, part, ...wait });
  }
  observe("consumer.retry", wait);
  const retries = (what: string) => value(`gmn_retries_total{what="${what}"}`);
  expect([await retries("database"), await retries("registry"), await retries("broker")])
    .toEqual([2, 1, 1]);
});
