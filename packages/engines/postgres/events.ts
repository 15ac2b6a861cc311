/**
 * The events that a PostgreSQL started here reports.
 */

export type PostgresEvent =
  | { readonly kind: "starting"; readonly directory: string; readonly port: number }
  /** Files that PostgreSQL's user could not reach were put elsewhere. */
  | {
    readonly kind: "moved";
    readonly what: "programs" | "data";
    readonly directory: string;
    readonly reason: string;
  }
  /** `url` is without the password. */
  | {
    readonly kind: "ready";
    readonly url: string;
    readonly version: string;
    readonly took_ms: number;
  }
  /** It ended without being stopped, and runs again. */
  | { readonly kind: "restarted"; readonly directory: string; readonly port: number }
  /** Attempt `attempt` to restart it failed; the next one follows in `delay_ms`. */
  | {
    readonly kind: "restart failed";
    readonly error: unknown;
    readonly attempt: number;
    readonly delay_ms: number;
  }
  | { readonly kind: "stopped"; readonly directory: string };

/** Gets every event, in order. It must return quickly, and must not throw. */
export type OnPostgresEvent = (event: PostgresEvent) => void;
