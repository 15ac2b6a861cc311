import { beforeEach, describe, expect, test } from "vitest";
import { TransientError } from "@gmn/failures";
import { createMetrics } from "../observe/metrics.ts";
import type { Vocabulary } from "../observe/vocabulary.ts";
import { RunCommandRefused } from "../runs/run_decide.ts";
import type { RunKind, Selection } from "../runs/run_event.ts";
import { foldRun } from "../../tests/support/fold_runs.ts";
import type { RunView } from "../runs/run_schemas.ts";
import { IdempotencyConflictError } from "../runs/same_request.ts";
import type { Reader } from "../store/reader.ts";
import { type ApiOptions, createApi } from "./app.ts";
import { EventStreams } from "./event_streams.ts";
import { RecentEvents } from "./recent_events.ts";

const RUN: RunView = {
  id: "019ab0d3-0000-7000-8000-000000000001",
  kind: "backfill",
  selection: { year: 2024 },
  state: "running",
  requested_by: "http",
  requested_at: "2026-11-24T00:00:00.000Z",
  started_at: null,
  ended_at: null,
  reason: null,
  waiting: null,
  files: { planned: 1, extracted: 0, skipped: 0, failed: 0 },
  rows: {
    ...{ read: 0, published: 0, unchanged: 0, rejected: 0, loaded: 0, dead: 0 },
    ...{ new: 0, changed: 0, repeated: 0, stale: 0, duplicate: 0 },
  },
};

const RETRY = "019ab0d3-0000-7000-8000-000000000002";
const PREVIEWED = {
  file: "monthly/traj_summary_monthly_202408.txt",
  listed: "10-Sep-2024 06:10 104581698",
  modified: "2024-09-10T06:10:00.000Z",
  size_bytes: 104_581_698,
  skip: null,
};

/** The state of a requested run, with the given status. */
function stateOf(runId: string, kind: RunKind, selection: Selection, status = "requested") {
  const request = {
    type: "requested",
    at: new Date(),
    requestedBy: "http",
    idempotencyKey: null,
  } as const;
  return { ...foldRun([{ ...request, runId, kind, selection }])!, status: status as "cancelled" };
}

let asked: { kind: string; selection: Selection; key: string | null }[];
let cancelled: string[];
let paused: boolean[];
let ports: ReturnType<ApiOptions["runs"]>;
let notReady: Record<string, string>;
/** The data store's answer to any query. */
let stored: unknown;
let happened: { name: string; detail: unknown }[];

beforeEach(() => {
  asked = [];
  cancelled = [];
  paused = [];
  happened = [];
  notReady = {};
  stored = "cancelled";
  const noLog = () => Promise.reject(new TransientError("no log"));
  ports = {
    engine: {
      submit({ kind, selection, idempotencyKey = null }) {
        asked.push({ kind, selection, key: idempotencyKey });
        return Promise.resolve({ run: stateOf(RUN.id, kind, selection), isNew: true });
      },
      upload: noLog,
      waitFor: noLog,
      get: () => null,
      behind: () => null,
    },
    desk: {
      preview() {
        const { file: path, modified, skip, ...listed } = PREVIEWED;
        const file = { ...listed, path, name: path, modified: new Date(modified) };
        return Promise.resolve({ files: [{ file, skip }], nothing: null });
      },
      cancel(id) {
        cancelled.push(id);
        const selection = { year: 2024 };
        return Promise.resolve(
          id === RUN.id ? stateOf(id, "backfill", selection, "cancelled") : null,
        );
      },
      retry(id) {
        const run = stateOf(RETRY, "backfill", { retry: id, files: ["a"] });
        return Promise.resolve(id === RUN.id ? { run, isNew: true } : null);
      },
    },
  };
});

function api(apiToken: string | null = null) {
  const starting = () => {
    throw new TransientError("the service is starting");
  };
  const reader = { look: () => Promise.resolve(stored), ask: starting, stream: starting };
  return createApi({
    runs: () => ports,
    reader: () => reader as unknown as Reader,
    pauseSchedule(isPaused) {
      paused.push(isPaused);
      const next = isPaused ? null : "2026-11-24T01:00:00.000Z";
      const paused_since = isPaused ? "2026-11-23T12:00:00.000Z" : null;
      return Promise.resolve({
        pattern: "0 1 * * *",
        next,
        paused_since,
        leader: true,
        problem: null,
      });
    },
    replays: starting,
    health: {
      status: () => Promise.reject(new Error("secret detail")),
      notReady: () => Promise.resolve(notReady),
      gauges: () => Promise.reject(new TransientError("the service is starting")),
    },
    apiToken,
    extractDays: 10,
    observer: {
      observe: <Name extends keyof Vocabulary>(name: Name, detail: Vocabulary[Name]) => {
        happened.push({ name, detail });
      },
      listen: () => () => {},
    },
    version: "test",
    topic: "trajectory_summary_raw",
    metrics: createMetrics({ topics: [], runKinds: [] }),
    streams: new EventStreams(),
    events: new RecentEvents(() => () => {}),
  });
}

function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  return api().request(`http://localhost:8000${path}`, {
    method: "POST",
    headers: { host: "localhost:8000", "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

describe("POST /backfill", () => {
  test.each([[{ all: true }], [{ year: 2024 }], [{ month: "2024-08" }], [{
    from: "2024-08-01",
    to: "2024-08-31",
  }]])(
    "takes %j: 202, the run's id, and where to look at it",
    async (selection) => {
      const response = await post("/backfill", selection, { "idempotency-key": "k1" });
      expect(response.status).toBe(202);
      expect(response.headers.get("location")).toBe(`/runs/${RUN.id}`);
      expect(await response.json()).toMatchObject({ run_id: RUN.id, kind: "backfill", selection });
      expect(asked).toEqual([{ kind: "backfill", selection, key: "k1" }]);
    },
  );

  test.each([
    ["no body", "", /no body/],
    ["not JSON", "{", /not JSON/],
    ["nothing asked for", {}, /selection/],
    ["two things at once", { year: 2024, all: true }, /exactly one/],
    ["an impossible date", { from: "2024-02-30", to: "2024-03-01" }, /2024-02-30/],
    ["a range backwards", { from: "2024-08-31", to: "2024-08-01" }, /2024-08/],
    ["the daily window", { days: 3 }, /POST \/extract/],
    ["a year before the network", { year: 1999 }, /1999/],
  ])("refuses %s with 400 and the reason", async (_, body, reason) => {
    const response = await post("/backfill", body);
    expect(response.status).toBe(400);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const problem = await response.json();
    expect(problem).toMatchObject({
      type: "/errors/bad-request",
      status: 400,
      instance: "/backfill",
    });
    expect(problem.detail).toMatch(reason);
    expect(asked).toEqual([]);
  });

  test("accepts JSON from curl -d, which labels it as a form", async () => {
    const response = await post("/backfill", '{"year":2024}', {
      "content-type": "application/x-www-form-urlencoded",
    });
    expect(response.status).toBe(202);
  });

  test("refuses other content types with 415", async () => {
    expect((await post("/backfill", "<a/>", { "content-type": "text/xml" })).status).toBe(415);
  });

  test("refuses an oversized body with 413", async () => {
    expect((await post("/backfill", " ".repeat(70_000))).status).toBe(413);
  });

  test("an idempotency key used for something else is a conflict", async () => {
    ports.engine.submit = () =>
      Promise.reject(new IdempotencyConflictError("k1 stands for the year 2023"));
    expect((await post("/backfill", { year: 2024 }, { "idempotency-key": "k1" })).status).toBe(409);
  });

  test("a run that is on the log is accepted even if the database does not answer", async () => {
    stored = Promise.reject(new TransientError("the database did not answer within 2 s"));
    const response = await post("/backfill", { year: 2024 });
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe(`/runs/${RUN.id}`);
  });

  test("an unavailable log is 503 with Retry-After", async () => {
    ports.engine.submit = () => Promise.reject(new TransientError("no broker at 127.0.0.1:9092"));
    const response = await post("/backfill", { year: 2024 });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("5");
    expect((await response.json()).detail).toContain("no broker");
  });
});

describe("POST /backfill?dry_run=true", () => {
  test("shows what would be taken, and requests no run", async () => {
    const response = await post("/backfill?dry_run=true", { month: "2024-08" });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      dry_run: true,
      selection: { month: "2024-08" },
      files: [PREVIEWED],
      nothing: null,
    });
    expect(asked).toEqual([]);
  });

  test("an ambiguous value is refused", async () => {
    expect((await post("/backfill?dry_run=1", { year: 2024 })).status).toBe(400);
    expect(asked).toEqual([]);
  });
});

describe("an existing run", () => {
  test("can be cancelled", async () => {
    const response = await post(`/runs/${RUN.id}/cancel`, "");
    expect(await response.json()).toEqual({ run_id: RUN.id, state: "cancelled" });
    expect(cancelled).toEqual([RUN.id]);
  });

  test("can be retried as a new run", async () => {
    const response = await post(`/runs/${RUN.id}/retry`, "");
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe(`/runs/${RETRY}`);
    expect(await response.json()).toMatchObject({ run_id: RETRY, selection: { retry: RUN.id } });
  });

  test.each(["cancel", "retry"])("%s of an ended run is a conflict", async (what) => {
    const refuse = () => Promise.reject(new RunCommandRefused("it is completed already"));
    Object.assign(ports.desk, { cancel: refuse, retry: refuse });
    const response = await post(`/runs/${RUN.id}/${what}`, "");
    expect(response.status).toBe(409);
    expect((await response.json()).detail).toContain("it is completed already");
  });

  test.each(["cancel", "retry"])("%s of an unknown run is 404", async (what) => {
    expect((await post(`/runs/${RETRY}/${what}`, "")).status).toBe(404);
    expect((await post(`/runs/nonsense/${what}`, "")).status).toBe(404);
  });
});

test("the schedule can be paused and resumed", async () => {
  expect(await (await post("/schedule/pause", "")).json()).toMatchObject({ next: null });
  expect(await (await post("/schedule/resume", "")).json()).toMatchObject({ paused_since: null });
  expect(paused).toEqual([true, false]);
});

describe("POST /extract", () => {
  test.each(["", "{}"])("with %j takes the window of the settings", async (body) => {
    expect((await post("/extract", body)).status).toBe(202);
    expect(asked).toEqual([{ kind: "daily", selection: { days: 10 }, key: null }]);
  });

  test("takes another window", async () => {
    expect((await post("/extract", { days: 3 })).status).toBe(202);
    expect(asked[0]?.selection).toEqual({ days: 3 });
  });

  test("refuses what belongs to /backfill", async () => {
    expect((await post("/extract", { year: 2024 })).status).toBe(400);
  });
});

describe("who may make changes", () => {
  test("a page of another site may not, even on loopback", async () => {
    const response = await post("/backfill", { year: 2024 }, { origin: "https://evil.example" });
    expect(response.status).toBe(403);
    expect(asked).toEqual([]);
  });

  test("our own page may", async () => {
    expect((await post("/backfill", { year: 2024 }, { origin: "http://localhost:8000" })).status)
      .toBe(202);
  });

  test("without a token, a foreign name that points at loopback may not", async () => {
    expect((await post("/backfill", { year: 2024 }, { host: "rebound.example:8000" })).status).toBe(
      403,
    );
  });

  test.each([
    ["no token", {}, 401],
    ["a wrong token", { authorization: "Bearer wrong" }, 401],
    ["another scheme", { authorization: "Basic 0123456789abcdef" }, 401],
    ["the token", { authorization: "Bearer 0123456789abcdef" }, 202],
  ])("with a token set, %s gives %s", async (_, headers, status) => {
    const response = await api("0123456789abcdef").request("http://gmn.example/backfill", {
      method: "POST",
      headers: {
        host: "gmn.example",
        "content-type": "application/json",
        ...(headers as Record<string, string>),
      },
      body: JSON.stringify({ year: 2024 }),
    });
    expect(response.status).toBe(status);
  });

  test("reading needs no token", async () => {
    stored = [];
    expect((await api("0123456789abcdef").request("http://gmn.example/runs")).status).toBe(200);
  });
});

describe("GET /runs", () => {
  test("lists runs and links the next page when the page is full", async () => {
    stored = [RUN, RUN];
    const response = await api().request("/runs?limit=2");
    expect((await response.json()).runs).toHaveLength(2);
    expect(response.headers.get("link")).toBe(`</runs?limit=2&before=${RUN.id}>; rel="next"`);
  });

  test.each(["limit=0", "limit=1000", "limit=x", "before=x"])("refuses ?%s", async (query) => {
    expect((await api().request(`/runs?${query}`)).status).toBe(400);
  });

  test("shows one run with its files", async () => {
    stored = { ...RUN, file_list: [] };
    expect(await (await api().request(`/runs/${RUN.id}`)).json()).toEqual({
      ...RUN,
      file_list: [],
    });
  });

  test.each(["nonsense", "019ab0d3-0000-7000-8000-00000000ffff", "%00"])(
    "no run %s: 404",
    async (id) => {
      stored = null;
      expect((await api().request(`/runs/${id}`)).status).toBe(404);
    },
  );
});

describe("the rest", () => {
  test("alive, even if everything else is down", async () => {
    expect((await api().request("/healthz")).status).toBe(200);
  });

  test("ready only when every part is, otherwise 503 naming the others", async () => {
    expect((await api().request("/readyz")).status).toBe(200);
    notReady = { database: "connection refused" };
    const response = await api().request("/readyz");
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ not_ready: { database: "connection refused" } });
  });

  test("an internal error is 500 without its details, which go to the log", async () => {
    const response = await api().request("/status");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(happened).toContainEqual({
      name: "http.error",
      detail: {
        requestId: response.headers.get("x-request-id"),
        method: "GET",
        path: "/status",
        reason: "secret detail",
      },
    });
  });

  test("an unknown path is 404 as a problem", async () => {
    const response = await api().request("/nope");
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
  });
});
