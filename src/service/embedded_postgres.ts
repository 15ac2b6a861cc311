/**
 * Runs the embedded PostgreSQL (`@gmn/engines`) for this service: reports its events here, and connects with the store's driver.
 */
import {
  type PostgresEvent,
  type PostgresOptions,
  type RunningPostgres,
  startPostgres,
} from "@gmn/engines";
import type { Observe } from "../observe/observe.ts";
import { reportWaits } from "../observe/retries.ts";
import { connectStore } from "../store/connection.ts";

export interface EmbeddedPostgresOptions extends Omit<PostgresOptions, "connect" | "onEvent"> {
  readonly observe: Observe;
}

/**
 * Starts (or adopts) the PostgreSQL in `directory` and creates the database in it.
 * @throws PermanentError with a hint: the port is in use, the programs or a user to run them are missing, a living process owns it
 */
export function startEmbeddedPostgres(
  { observe, ...options }: EmbeddedPostgresOptions,
): Promise<RunningPostgres> {
  return startPostgres({
    ...options,
    connect: (url, onClose) =>
      connectStore({ url, max: 1, applicationName: "gmn-data-store owner", observe, onClose }),
    onEvent: (event) => report(event, observe),
  });
}

function report(event: PostgresEvent, observe: Observe): void {
  switch (event.kind) {
    case "starting":
      return observe("database.starting", { directory: event.directory, port: event.port });
    case "moved": {
      const { what, directory, reason } = event;
      return observe("database.moved", { what, directory, reason });
    }
    case "ready": {
      const { url, version, took_ms } = event;
      return observe("database.ready", { url, version, took_ms });
    }
    case "restarted":
      return observe("database.restarted", { directory: event.directory, port: event.port });
    case "restart failed":
      return reportWaits(observe, "database", "its restart")(
        event.error,
        event.attempt,
        event.delay_ms,
      );
    case "stopped":
      return observe("database.stopped", { directory: event.directory });
  }
}
