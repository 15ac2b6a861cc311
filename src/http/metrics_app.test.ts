import { expect, test } from "vitest";
import { gaugesOfParts } from "../observe/gauges.ts";
import { createMetrics } from "../observe/metrics.ts";
import { createObserver } from "../observe/observe.ts";
import { createMetricsApp } from "./metrics_app.ts";
import type { Health } from "./status_routes.ts";

function app(health: Partial<Health>) {
  const observer = createObserver();
  const metrics = createMetrics({ topics: [], runKinds: [] });
  observer.listen(metrics.listener);
  const none = () => Promise.reject(new Error("a fault"));
  return createMetricsApp({
    health: { status: none, notReady: none, gauges: none, ...health },
    metrics,
    observe: observer.observe,
  });
}

test("METRICS_PORT has the metrics, and whether the process lives and is ready; nothing else", async () => {
  const served = app({
    gauges: () => Promise.resolve(gaugesOfParts({ service: false })),
    notReady: () => Promise.resolve({ service: "starting" }),
  });
  const metrics = await served.request("/metrics");
  expect(metrics.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await metrics.text()).toContain('\ngmn_part_ready{part="service"} 0\n');
  expect((await served.request("/healthz")).status).toBe(200);
  const ready = await served.request("/readyz");
  expect(ready.status).toBe(503);
  expect((await ready.json()).not_ready).toEqual({ service: "starting" });
  for (const path of ["/", "/status", "/runs", "/docs", "/openapi.json"]) {
    expect((await served.request(path)).status).toBe(404);
  }
  expect((await served.request("/extract", { method: "POST" })).status).toBe(404);
});

test("a fault there is counted like one of the API", async () => {
  const served = app({ gauges: () => Promise.resolve(gaugesOfParts({})) });
  expect((await served.request("/readyz")).status).toBe(500);
  expect(await (await served.request("/metrics")).text()).toContain("\ngmn_http_errors_total 1\n");
});
