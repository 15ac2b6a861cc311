/**
 * The API on a database, without a service around it: no log, no runs.
 */
import { TransientError } from "../../src/failures/failures.ts";
import type { ApiPorts } from "../../src/http/api_ports.ts";
import { createApi } from "../../src/http/app.ts";
import { createObserver, type Observer } from "../../src/observe/observe.ts";
import type { Sql } from "../../src/store/connection.ts";

export interface TestApi {
  readonly observer: Observer;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** The JSON of an answer that must be 200. */
  json(path: string): Promise<unknown>;
}

/** Ports of a service that has no log. */
export const NO_LOG = new Proxy({} as ApiPorts, {
  get: () => () => Promise.reject(new TransientError("there is no log in this test")),
});

/** The API over this database. */
export function apiOn(sql: Sql): TestApi {
  const observer = createObserver();
  const app = createApi({
    ports: NO_LOG,
    apiToken: null,
    extractDays: 10,
    observe: observer.observe,
    topic: "trajectory_summary_raw",
    sql: () => sql,
  });
  const get = async (path: string, headers: Record<string, string> = {}) =>
    await app.request(path, { headers });
  return {
    observer,
    get,
    async json(path) {
      const response = await get(path);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${path}: ${response.status}: ${text}`);
      return JSON.parse(text);
    },
  };
}
