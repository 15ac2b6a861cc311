/**
 * The API on a database, without a service: no log, no runs.
 */
import { TransientError } from "@gmn/failures";
import { createApi } from "../../src/http/app.ts";
import { EventStreams } from "../../src/http/event_streams.ts";
import type { Api } from "../../src/http/openapi.ts";
import { RecentEvents } from "../../src/http/recent_events.ts";
import { createObserver, type Observer } from "../../src/observe/observe.ts";
import { createServiceMetrics } from "../../src/service/endpoints.ts";
import type { Sql } from "../../src/store/connection.ts";
import { Reader } from "../../src/store/reader.ts";

export interface TestApi {
  readonly app: Api;
  readonly observer: Observer;
  readonly streams: EventStreams;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** The JSON of an answer whose status must be 200. */
  json(path: string): Promise<unknown>;
}

const NO_LOG = new TransientError("there is no log in this test");
const noLog = () => {
  throw NO_LOG;
};

/** The API on this database. */
export function apiOn(sql: Sql): TestApi {
  const observer = createObserver();
  const streams = new EventStreams();
  const reader = new Reader({ quick: sql, slow: sql });
  const metrics = createServiceMetrics();
  observer.listen(metrics.listener);
  const app = createApi({
    version: "test",
    reader: () => reader,
    runs: noLog,
    replays: noLog,
    pauseSchedule: () => Promise.reject(NO_LOG),
    health: {
      status: () => Promise.reject(NO_LOG),
      notReady: () => Promise.reject(NO_LOG),
      gauges: () => Promise.reject(NO_LOG),
    },
    metrics,
    streams,
    events: new RecentEvents(observer.listen),
    apiToken: null,
    extractDays: 10,
    observer,
    topic: "trajectory_summary_raw",
  });
  const get = async (path: string, headers: Record<string, string> = {}) =>
    await app.request(path, { headers });
  return {
    app,
    observer,
    streams,
    get,
    async json(path) {
      const response = await get(path);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${path}: ${response.status}: ${text}`);
      return JSON.parse(text);
    },
  };
}
