/**
 * A Redpanda that was started here, as a process or in Docker: what it says of itself, and what its user has of it.
 */

/** Where it answers. */
export interface RedpandaAddresses {
  /** `host:port` of each bootstrap broker. */
  readonly brokers: readonly string[];
  /** Base URL of the schema registry, without a trailing slash. */
  readonly schemaRegistryUrl: string;
}

export type RedpandaEvent =
  | { readonly kind: "ready"; readonly took_ms: number } & RedpandaAddresses
  /** A line of its output, or of Docker's, or one about it. */
  | { readonly kind: "line"; readonly level: LineLevel; readonly line: string }
  /** It died and is started again. */
  | {
    readonly kind: "restarting";
    readonly reason: string;
    readonly attempt: number;
    readonly delay_ms: number;
  }
  /** It died too often. */
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "stopped" };

/** How loud a line is to be in a log. */
export type LineLevel = "debug" | "info" | "warning";

/** Gets every event, in order. It must return quickly, and must not throw. */
export type OnRedpandaEvent = (event: RedpandaEvent) => void;

/** A Redpanda with its schema registry, up and answering. */
export interface RunningRedpanda extends RedpandaAddresses {
  /** Resolves with the reason when it has failed for good, past all restarts. Never rejects; missing where Docker restarts it. */
  readonly failed?: Promise<Error>;
  /** Stops it and waits for its end. Calling it again waits for the first call. */
  stop(): Promise<void>;
}

/** Reports that it answers. `began` is the time of `performance.now()` when its start began. */
export function reportReady(
  onEvent: OnRedpandaEvent,
  { brokers, schemaRegistryUrl }: RedpandaAddresses,
  began: number,
): void {
  onEvent({ kind: "ready", brokers, schemaRegistryUrl, took_ms: performance.now() - began });
}
