/**
 * A Redpanda that was started here, as a process or in Docker: what it says of itself, and what its user has of it.
 */

export type RedpandaEvent =
  | {
    readonly kind: "ready";
    readonly brokers: readonly string[];
    readonly schemaRegistryUrl: string;
    readonly took_ms: number;
  }
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
export interface RunningRedpanda {
  /** `host:port` of each bootstrap broker. */
  readonly brokers: string[];
  /** Base URL of the schema registry, without a trailing slash. */
  readonly schemaRegistryUrl: string;
  /** Resolves with the reason when it is gone for good, past all restarts. Never rejects; not there where Docker watches it. */
  readonly failed?: Promise<Error>;
  /** Stops it and waits for its end. Calling it again waits for the first call. */
  stop(): Promise<void>;
}
