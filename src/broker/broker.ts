/**
 * What every broker behind the log looks like to the rest of the service, whichever one it is (external, Redpanda as a
 * child process or in Docker, or the embedded one): addresses to connect to, and a way to stop it.
 */

/** A Kafka broker with its schema registry, up and answering. */
export interface RunningBroker {
  /** Which one: `external`, `redpanda`, `docker` or `embedded`. */
  readonly kind: string;
  /** `host:port` of each bootstrap broker. */
  readonly brokers: string[];
  /** Base URL of the schema registry, without a trailing slash. */
  readonly schemaRegistryUrl: string;
  /** Resolves with the reason when it is gone for good, past all restarts. Never rejects; not there where nothing watches. */
  readonly failed?: Promise<Error>;
  /** Stops what was started (an external broker is left alone). Calling it again waits for the first call. */
  stop(): Promise<void>;
}
