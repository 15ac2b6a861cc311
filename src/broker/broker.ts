/**
 * What every broker behind the log looks like to the rest of the service, whichever one it is (external, Redpanda as a
 * child process or in Docker, or the embedded one): addresses to connect to, and a way to stop it.
 */
import type { Observe } from "../observe/observe.ts";

/** Where a broker is. */
export interface BrokerAddresses {
  /** Which one: `external`, `redpanda`, `docker` or `embedded`. */
  readonly kind: string;
  /** `host:port` of each bootstrap broker. */
  readonly brokers: readonly string[];
  /** Base URL of the schema registry, without a trailing slash. */
  readonly schemaRegistryUrl: string;
}

/** A Kafka broker with its schema registry, up and answering. */
export interface RunningBroker extends BrokerAddresses {
  /** Resolves with the reason when it has failed for good, past all restarts. Never rejects; missing where nothing watches. */
  readonly failed?: Promise<Error>;
  /** Stops what was started (an external broker is left as it is). Calling it again waits for the first call. */
  stop(): Promise<void>;
}

/** Reports that a broker answers, after a start of `took_ms` milliseconds. */
export function observeReady(
  observe: Observe,
  { kind, brokers, schemaRegistryUrl }: BrokerAddresses,
  took_ms: number,
): void {
  observe("broker.ready", { kind, brokers: brokers.join(), schemaRegistryUrl, took_ms });
}
