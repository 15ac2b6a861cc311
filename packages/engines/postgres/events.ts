/**
 * What a PostgreSQL that was started here says of itself.
 */

export type PostgresEvent =
  | { readonly kind: "starting"; readonly directory: string; readonly port: number }
  /** What PostgreSQL's user could not reach was put elsewhere. */
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
  /** It had ended without a stop, and runs again. */
  | { readonly kind: "restarted"; readonly directory: string; readonly port: number }
  /** Try `attempt` of a restart failed; the next one comes in `delay_ms`. */
  | {
    readonly kind: "restart failed";
    readonly error: unknown;
    readonly attempt: number;
    readonly delay_ms: number;
  }
  | { readonly kind: "stopped"; readonly directory: string };

/** Gets every event, in order. It must return quickly, and must not throw. */
export type OnPostgresEvent = (event: PostgresEvent) => void;
