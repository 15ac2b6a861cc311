/**
 * Metrics for Prometheus: counters of events (counters.ts), and gauges that are read when Prometheus scrapes (gauges.ts).
 *
 * Names and units follow https://prometheus.io/docs/practices/naming/. Labels have few values: never a run, a file or a path.
 */
import { collectDefaultMetrics, Registry } from "prom-client";
import { createCounters, type LabelValues } from "./counters.ts";
import { createGauges, type Gauges } from "./gauges.ts";
import type { Listener } from "./observe.ts";

export interface Metrics {
  /** Counts events. */
  readonly listener: Listener;
  /** The text that Prometheus scrapes. `gauges` is null when the values could not be read. */
  scrape(gauges: Gauges | null): Promise<string>;
  readonly contentType: string;
}

/** Deno 2.9 has `monitorEventLoopDelay`, but it measures nothing: it reports a minimum delay of 9 billion seconds. */
const WRONG_UNDER_DENO = ["", "_min", "_max", "_mean", "_stddev", "_p50", "_p90", "_p99"].map((
  of,
) => `nodejs_eventloop_lag${of}_seconds`);

/** Creates the metrics with their own registry, one for each process (and each test). */
export function createMetrics(values: LabelValues): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of WRONG_UNDER_DENO) registry.removeSingleMetric(name);
  const setGauges = createGauges(registry);
  return {
    listener: createCounters(registry, values),
    contentType: registry.contentType,
    scrape(given) {
      setGauges(given);
      return registry.metrics();
    },
  };
}
