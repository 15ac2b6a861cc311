/**
 * The interface of every broker to the rest of the service: addresses to connect to, and a way to stop it. The broker may be
 * external, Redpanda as a child process or in Docker, or the embedded one.
 */
import type { Observe } from "../observe/observe.ts";

/** The addresses of a broker and its registry. */
export interface BrokerAddresses {
  /** Which one: `external`, `redpanda`, `docker` or `embedded`. */
  readonly kind: string;
  /** `host:port` of each bootstrap broker. */
  readonly brokers: readonly string[];
  /** Base URL of the schema registry, without a trailing slash. */
  readonly schemaRegistryUrl: string;
}

/** A Kafka broker with its schema registry, both running. */
export interface RunningBroker extends BrokerAddresses {
  /** Resolves with the reason when the broker has failed for good, after all restarts. Never rejects; absent if not watched. */
  readonly failed?: Promise<Error>;
  /** Stops the broker if the service started it (an external one is left alone). Calling it again waits for the first call. */
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
