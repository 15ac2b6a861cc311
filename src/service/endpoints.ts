/**
 * What a process serves over HTTP: the API, if it has the role http, and metrics by themselves at METRICS_PORT, whatever its roles.
 * Both have the same metrics, so a process with both may be scraped at either.
 */
import type { Config } from "../config.ts";
import { TOPICS } from "../events/topics.ts";
import { createMetricsApp } from "../http/metrics_app.ts";
import { serveHttp } from "../http/server.ts";
import { createMetrics, type Metrics } from "../observe/metrics.ts";
import type { Observer } from "../observe/observe.ts";
import { runKindSchema } from "../runs/run_schemas.ts";
import { type ApiWiring, serveApi } from "./api.ts";
import type { ServiceParts } from "./parts.ts";
import type { Releasers } from "./releasers.ts";
import { createHealth } from "./health.ts";

/** URLs; null for what this process does not serve. */
export interface Endpoints {
  readonly http: string | null;
  readonly metrics: string | null;
}

/** The service's metrics, all counters at 0. */
export function createServiceMetrics(): Metrics {
  return createMetrics({
    topics: TOPICS.map(({ name }) => name),
    runKinds: runKindSchema.options,
  });
}

/**
 * Serves what the settings ask for.
 * @throws PermanentError when it can't listen on an address
 */
export function serveEndpoints(
  config: Config,
  parts: ServiceParts,
  observer: Observer,
  releasers: Releasers,
): Endpoints {
  if (config.metricsPort === null && !config.roles.has("http")) {
    return { http: null, metrics: null };
  }
  const metrics = createServiceMetrics();
  releasers.add("metrics", observer.listen(metrics.listener));
  const wiring = { config, parts, health: createHealth(parts), metrics, observer, releasers };
  return {
    metrics: config.metricsPort === null ? null : serveMetrics(wiring, config.metricsPort),
    http: config.roles.has("http") ? serveApi(wiring) : null,
  };
}

function serveMetrics(
  { config, health, metrics, observer: { observe }, releasers }: ApiWiring,
  port: number,
): string {
  const app = createMetricsApp({ health, metrics, observe });
  const server = serveHttp({
    host: config.metricsHost,
    port,
    fetch: (request) => app.fetch(request),
    settings: { host: "METRICS_HOST", port: "METRICS_PORT" },
  });
  releasers.add("metrics endpoint", () => server.stop());
  observe("metrics.listening", { url: server.url });
  return server.url;
}
