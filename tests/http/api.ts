/**
 * The API on a database, without a service around it: no log, no runs.
 */
import { TransientError } from "../../src/failures/failures.ts";
import type { ApiPorts } from "../../src/http/api_ports.ts";
import { createApi } from "../../src/http/app.ts";
import { EventStreams } from "../../src/http/event_streams.ts";
import type { Api } from "../../src/http/openapi.ts";
import { RecentEvents } from "../../src/http/recent_events.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { createObserver, type Observer } from "../../src/observe/observe.ts";
import type { Sql } from "../../src/store/connection.ts";

export interface TestApi {
  readonly app: Api;
  readonly observer: Observer;
  readonly streams: EventStreams;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** The JSON of an answer that must be 200. */
  json(path: string): Promise<unknown>;
}

/** Ports of a service that has no log. */
export const NO_LOG = new Proxy({} as ApiPorts, {
  get: () => () => Promise.reject(new TransientError("there is no log in this test")),
});

/** The API over this database; `ports` in place of those without a log. */
export function apiOn(sql: Sql, ports: Partial<ApiPorts> = {}): TestApi {
  const observer = createObserver();
  const streams = new EventStreams();
  const metrics = createMetrics();
  observer.listen(metrics.listener);
  const app = createApi({
    version: "test",
    ports: new Proxy(ports as ApiPorts, {
      get: (given, name: keyof ApiPorts) => given[name] ?? NO_LOG[name],
    }),
    metrics,
    streams,
    events: new RecentEvents(observer.listen),
    apiToken: null,
    extractDays: 10,
    observe: observer.observe,
    topic: "trajectory_summary_raw",
    sql: () => sql,
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
