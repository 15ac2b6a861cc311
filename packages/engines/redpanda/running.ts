/**
 * The events and the interface of a Redpanda that was started here, as a process or in Docker.
 */

/** Addresses of the node. */
export interface RedpandaAddresses {
  /** `host:port` of each bootstrap broker. */
  readonly brokers: readonly string[];
  /** Base URL of the schema registry, without a trailing slash. */
  readonly schemaRegistryUrl: string;
}

export type RedpandaEvent =
  | { readonly kind: "ready"; readonly took_ms: number } & RedpandaAddresses
  /** A line of output from Redpanda or Docker, or a line about it. */
  | { readonly kind: "line"; readonly level: LineLevel; readonly line: string }
  /** It died and is being restarted. */
  | {
    readonly kind: "restarting";
    readonly reason: string;
    readonly attempt: number;
    readonly delay_ms: number;
  }
  /** It died too often. */
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "stopped" };

/** Log level of a line. */
export type LineLevel = "debug" | "info" | "warning";

/** Gets every event, in order. It must return quickly, and must not throw. */
export type OnRedpandaEvent = (event: RedpandaEvent) => void;

/** A running Redpanda with its schema registry. */
export interface RunningRedpanda extends RedpandaAddresses {
  /** Resolves with the reason when it has failed after all restarts. Never rejects; undefined when Docker restarts it. */
  readonly failed?: Promise<Error>;
  /** Stops it and waits for its end. Calling it again waits for the first call. */
  stop(): Promise<void>;
}

/** Reports that it is ready. `began` is `performance.now()` at the beginning of its start. */
export function reportReady(
  onEvent: OnRedpandaEvent,
  { brokers, schemaRegistryUrl }: RedpandaAddresses,
  began: number,
): void {
  onEvent({ kind: "ready", brokers, schemaRegistryUrl, took_ms: performance.now() - began });
}
