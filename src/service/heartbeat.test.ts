import { afterEach, beforeEach, expect, test } from "vitest";
import { createObserver, type Observer, type ServiceEvent } from "../observe/observe.ts";
import { until } from "../../tests/support/poll.ts";
import { sendHeartbeats } from "./heartbeat.ts";

const BACKOFF = { base_ms: 1, cap_ms: 2, attempts: 3 };

let observer: Observer;
let events: ServiceEvent[];
let answers: (() => Response | Promise<Response>)[];
let asked: number;
let server: Deno.HttpServer<Deno.NetAddr>;
let stopping: AbortController;
/** Releases requests that were never answered. */
let unanswered: PromiseWithResolvers<Response>;

beforeEach(() => {
  observer = createObserver();
  events = [];
  observer.listen((event) => events.push(event));
  asked = 0;
  answers = [];
  server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    const answer = answers[asked++] ?? (() => new Response("OK"));
    return answer();
  });
  stopping = new AbortController();
  unanswered = Promise.withResolvers();
  sendHeartbeats({
    url: `http://127.0.0.1:${server.addr.port}/ping/secret`,
    observer,
    signal: stopping.signal,
    timeout_ms: 200,
    backoff: BACKOFF,
  });
});
afterEach(async () => {
  stopping.abort();
  unanswered.resolve(new Response());
  await server.shutdown();
});

function complete(kind: string, runId = "r"): void {
  observer.observe("run.completed", {
    runId,
    kind,
    files: 1,
    rowsRead: 1,
    rowsPublished: 1,
    rowsUnchanged: 0,
    rowsRejected: 0,
    took_ms: 1,
  });
}
function load(kind: string, runId = "r"): void {
  const rows = { rowsLoaded: 1, rowsDead: 0, rowsNew: 1, rowsChanged: 0 };
  const others = { rowsRepeated: 0, rowsStale: 0, rowsDuplicate: 0 };
  observer.observe("run.loaded", { runId, kind, ...rows, ...others, took_ms: 1 });
}
const reported = (name: ServiceEvent["name"]) =>
  until(name, () => events.find((one) => one.name === name));

test("a daily run that completed is reported when its rows are loaded, once", async () => {
  complete("daily");
  expect(asked).toBe(0);
  load("daily");
  load("daily");
  await reported("heartbeat.sent");
  expect(asked).toBe(1);
});

test("a backfill is not reported, nor a daily run that failed", async () => {
  complete("backfill", "b");
  load("backfill", "b");
  observer.observe("run.failed", { runId: "f", kind: "daily", reason: "x" });
  load("daily", "f");
  complete("daily", "last");
  load("daily", "last");
  await reported("heartbeat.sent");
  expect(asked).toBe(1);
});

test("a request that fails once is repeated", async () => {
  answers = [() => new Response("", { status: 503 })];
  complete("daily");
  load("daily");
  await reported("heartbeat.sent");
  expect(asked).toBe(2);
});

test.each([
  ["refuses", () => new Response("", { status: 404 }), 1, /answers 404/],
  ["fails every time", () => new Response("", { status: 500 }), 3, /answers 500/],
  ["never answers", () => unanswered.promise, 3, /no answer within 200 ms/],
])(
  "a server that %s is reported as a failure, without the URL",
  async (_, answer, times, reason) => {
    answers = [answer, answer, answer];
    complete("daily");
    load("daily");
    const { detail } = await reported("heartbeat.failed");
    expect(asked).toBe(times);
    expect(detail).toMatchObject({ runId: "r", reason: expect.stringMatching(reason) });
    expect(JSON.stringify(events)).not.toContain("secret");
  },
);
