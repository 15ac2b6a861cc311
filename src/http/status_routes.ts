/** Whether the service is alive, whether it is ready, and its state. */
import { createRoute, z } from "@hono/zod-openapi";
import { TransientError } from "@gmn/failures";
import type { Gauges } from "../observe/gauges.ts";
import type { Metrics } from "../observe/metrics.ts";
import { type Api, json, readingRoute } from "./openapi.ts";
import { readinessSchema, type ServiceStatus, statusSchema } from "./status_schemas.ts";

const tags = ["service"];

const healthRoute = createRoute({
  method: "get",
  path: "/healthz",
  summary: "Whether the process is alive",
  tags,
  responses: { 200: json(z.object({ status: z.literal("ok") }), "Alive") },
});

const readyRoute = createRoute({
  method: "get",
  path: "/readyz",
  summary: "Whether the service can do its work",
  tags,
  responses: {
    200: json(readinessSchema, "Ready"),
    503: json(readinessSchema, "Not ready: what is missing"),
  },
});

const statusRoute = readingRoute(
  "/status",
  { summary: "The parts, the schedule, how far the data store is behind the log", tags },
  {},
  statusSchema,
);

const metricsRoute = createRoute({
  method: "get",
  path: "/metrics",
  summary: "Metrics for Prometheus",
  tags,
  responses: { 200: { description: "Text", content: { "text/plain": { schema: z.string() } } } },
});

/** The state of the service, looked up for each request. */
export interface Health {
  status(): Promise<ServiceStatus>;
  /** Parts that are not ready, by name, with the reason; empty when all are. */
  notReady(): Promise<Record<string, string>>;
  /** Metrics that have to be looked up. @throws TransientError when they can't be */
  gauges(): Promise<Gauges>;
}

/** Adds `GET /healthz`, `GET /readyz`, `GET /metrics`: what programs ask that watch the service. */
export function addHealthRoutes(app: Api, health: Health, metrics: Metrics): void {
  // Alive: the event loop runs. It depends on nothing else, so that a lost database never causes a restart of the process.
  app.openapi(healthRoute, (context) => context.json({ status: "ok" as const }, 200));

  app.openapi(readyRoute, async (context) => {
    const not_ready = await health.notReady();
    return Object.keys(not_ready).length === 0
      ? context.json({ status: "ready" as const, not_ready }, 200)
      : context.json({ status: "not ready" as const, not_ready }, 503);
  });

  app.openapi(metricsRoute, async (context) => {
    // Without gauges, the counters are still shown.
    const gauges = await health.gauges().catch((error) => {
      if (error instanceof TransientError) return null;
      throw error;
    });
    return context.text(await metrics.scrape(gauges), 200, {
      "content-type": metrics.contentType,
    });
  });
}

/** Adds `GET /status`, for people and the dashboard. */
export function addStatusRoute(app: Api, health: Health): void {
  app.openapi(statusRoute, async (context) => context.json(await health.status(), 200));
}
