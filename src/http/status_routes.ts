/**
 * Whether the service lives, is ready, and how it is.
 */
import { createRoute, z } from "@hono/zod-openapi";
import { TransientError } from "../failures/failures.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { ApiPorts } from "./api_ports.ts";
import { type Api, json, problems } from "./openapi.ts";
import { statusSchema } from "./run_schemas.ts";

const tags = ["service"];

const healthRoute = createRoute({
  method: "get",
  path: "/healthz",
  summary: "Whether the process lives",
  tags,
  responses: { 200: json(z.object({ status: z.literal("ok") }), "It does") },
});

const readySchema = z.object({
  status: z.enum(["ready", "not ready"]),
  not_ready: z.record(z.string(), z.string()).openapi({ description: "Parts, and why." }),
}).openapi("Readiness");
const readyRoute = createRoute({
  method: "get",
  path: "/readyz",
  summary: "Whether the service can do its work",
  tags,
  responses: { 200: json(readySchema, "It can"), 503: json(readySchema, "What is missing") },
});

const statusRoute = createRoute({
  method: "get",
  path: "/status",
  summary: "The parts, the schedule, how far the data store is behind the log",
  tags,
  responses: { 200: json(statusSchema, "How it is"), ...problems("unavailable") },
});

const metricsRoute = createRoute({
  method: "get",
  path: "/metrics",
  summary: "Numbers for Prometheus",
  tags,
  responses: {
    200: { description: "Text", content: { "text/plain": { schema: z.string() } } },
  },
});

/** Adds `GET /healthz`, `GET /readyz`, `GET /status`, `GET /metrics`. */
export function addStatusRoutes(app: Api, ports: ApiPorts, metrics: Metrics): void {
  // Alive: the event loop turns. It asks nothing of others, so that a lost database never gets the process restarted.
  app.openapi(healthRoute, (context) => context.json({ status: "ok" as const }, 200));

  app.openapi(readyRoute, async (context) => {
    const not_ready = await ports.notReady();
    return Object.keys(not_ready).length === 0
      ? context.json({ status: "ready" as const, not_ready }, 200)
      : context.json({ status: "not ready" as const, not_ready }, 503);
  });

  app.openapi(statusRoute, async (context) => context.json(await ports.status(), 200));

  app.openapi(metricsRoute, async (context) => {
    // While the service starts there is nobody to ask; what is counted is told all the same.
    const gauges = await ports.gauges().catch((error) => {
      if (error instanceof TransientError) return null;
      throw error;
    });
    return context.text(await metrics.scrape(gauges), 200, {
      "content-type": metrics.contentType,
    });
  });
}
