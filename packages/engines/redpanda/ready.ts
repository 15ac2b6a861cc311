/**
 * Redpanda is ready not when its ports are open, but when all three of these checks succeed:
 *
 *     admin API  GET /v1/status/ready  body {"status":"ready"}   (the HTTP status is 200 even during boot)
 *     registry   GET /status/ready     200                       (it has read its own topic)
 *     log        a record produced and fetched again             (leaders are elected, the group coordinator answers)
 *
 * Sources: Redpanda's admin/server.cc and schema_registry/handlers.cc.
 */
import { explain, TransientError, wait } from "@gmn/failures";

/** Writes a record to the log and reads it back. @throws while that fails */
export type ProveLog = (brokers: readonly string[], signal: AbortSignal) => Promise<void>;

export interface ReadinessTargets {
  readonly adminUrl: string;
  readonly schemaRegistryUrl: string;
  readonly brokers: readonly string[];
  readonly proveLog: ProveLog;
}

const LOOK_INTERVAL_MS = 200;
/** A booting node answers at once or not at all. */
const ANSWER_TIMEOUT_MS = 3_000;

/**
 * Waits until the node is ready.
 * @throws TransientError after `patience_ms`, with the last check that failed
 * @throws the signal's reason when it aborts
 */
export async function untilReady(
  targets: ReadinessTargets,
  patience_ms: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + patience_ms;
  const steps = [
    () => adminIsReady(targets.adminUrl, signal),
    () => registryIsReady(targets.schemaRegistryUrl, signal),
    () => targets.proveLog(targets.brokers, signal),
  ];
  for (const step of steps) {
    for (;;) {
      try {
        await step();
        break;
      } catch (error) {
        signal.throwIfAborted();
        if (performance.now() > deadline) {
          throw new TransientError(
            `not ready after ${Math.round(patience_ms / 1000)} s: ${explain(error)}`,
            { cause: error },
          );
        }
      }
      await wait(LOOK_INTERVAL_MS, signal);
    }
  }
}

async function adminIsReady(url: string, signal: AbortSignal): Promise<void> {
  const response = await ask(`${url}/v1/status/ready`, signal);
  const { status } = await response.json() as { status?: unknown };
  if (status !== "ready") throw new Error(`the admin API says ${JSON.stringify(status)}`);
}

async function registryIsReady(url: string, signal: AbortSignal): Promise<void> {
  const response = await ask(`${url}/status/ready`, signal);
  await response.body?.cancel();
  if (response.status !== 200) throw new Error(`the registry answers HTTP ${response.status}`);
}

function ask(url: string, signal: AbortSignal): Promise<Response> {
  return fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]) });
}
