/**
 * What a process serves at METRICS_PORT, whatever its roles: `/metrics`, `/healthz` and `/readyz`. Nothing here changes anything, so
 * nothing needs a token.
 */
import type { Metrics } from "../observe/metrics.ts";
import type { Observe } from "../observe/observe.ts";
import { addAccessLog } from "./access_log.ts";
import { addFailures } from "./failures.ts";
import { type Api, createOpenApiApp } from "./openapi.ts";
import { securityHeaders } from "./security_headers.ts";
import { addHealthRoutes, type Health } from "./status_routes.ts";

export interface MetricsAppOptions {
  readonly health: Health;
  readonly metrics: Metrics;
  readonly observe: Observe;
}

/** The app, with its three routes. */
export function createMetricsApp({ health, metrics, observe }: MetricsAppOptions): Api {
  const app = createOpenApiApp();
  addAccessLog(app, observe);
  app.use(securityHeaders());
  addHealthRoutes(app, health, metrics);
  addFailures(app, observe, "METRICS_PORT has /metrics, /healthz and /readyz");
  return app;
}
