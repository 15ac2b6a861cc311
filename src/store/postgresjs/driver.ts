/**
 * postgres.js, set up for this service and with its faults worked around, each in a file beside this one: 64-bit integers as
 * BigInt, times in UTC, notices passed to the observer, and no reconnect after a lost connection.
 */
import type { Socket } from "node:net";
import postgres from "postgres";
import type { Observe } from "../../observe/observe.ts";
import { addArrayTypes } from "./array_types.ts";
import { DATE } from "./date_type.ts";
import { type DriverState, socketFactory } from "./no_reconnect.ts";
import { assertProven } from "./proof.ts";

/** The driver's tag function; 64-bit integers are BigInt, times are Date. */
export type Sql = postgres.Sql<{ bigint: bigint }>;

export interface DriverOptions {
  /** `postgres://user:password@host:port/database`, with the driver's parameters (`?sslmode=require`, …). */
  readonly url: string;
  /** Maximum number of connections. */
  readonly max: number;
  /** The name of the connections in pg_stat_activity. */
  readonly applicationName: string;
  /** Schemas in which tables are looked up, quoted and separated by commas; the server's own setting by default. */
  readonly searchPath?: string | undefined;
  readonly observe: Observe;
  /** Called whenever a connection has ended, for whatever reason. */
  readonly onClose?: () => void;
  /** Called with every socket as it begins to connect. */
  readonly onSocket?: (socket: Socket) => void;
}

/** A host that does not answer in this time counts as unavailable; the loops retry. */
const CONNECT_SECONDS_MAX = 10;

/** Seconds of silence after which the system checks that the other side is still there. The driver's own value is a minute. */
const KEEP_ALIVE_SECONDS = 15;
/**
 * The server's limits for sessions whose client is gone or frozen; locks of such a session would block others until then. Units: ms for the
 * first and the last, seconds. Long commands that wait for something else in a transaction raise the first for themselves. The others
 * are ignored on a socket in the file system.
 */
const SESSION_LIMITS = {
  idle_in_transaction_session_timeout: 30_000,
  tcp_keepalives_idle: KEEP_ALIVE_SECONDS,
  tcp_keepalives_interval: 5,
  tcp_keepalives_count: 3,
  tcp_user_timeout: 30_000,
};

export interface Driver {
  readonly sql: Sql;
  /** Whether one of its connections has ended. The driver is then useless: open a new one. */
  isLost(): boolean;
}

/**
 * The driver's pool; no connection is made before the first query, and none after the first loss.
 * @throws PermanentError when the installed postgres.js is not the one that the workarounds were written for
 */
export function openDriver(options: DriverOptions): Driver {
  assertProven();
  const state: DriverState = { lost: false };
  const sql = postgres(options.url, {
    max: options.max,
    connect_timeout: CONNECT_SECONDS_MAX,
    // By default postgres.js renews every connection after 30 to 60 minutes, but a loader's connection has session state.
    max_lifetime: null,
    keep_alive: KEEP_ALIVE_SECONDS,
    connection: {
      ...SESSION_LIMITS,
      application_name: options.applicationName,
      TimeZone: "UTC",
      ...options.searchPath !== undefined && { search_path: options.searchPath },
    },
    types: { bigint: postgres.BigInt, date: DATE },
    fetch_types: false,
    onnotice: (notice) => {
      options.observe("database.log", { line: `${notice.severity}: ${notice.message}` });
    },
    onclose: () => {
      state.lost = true;
      options.onClose?.();
    },
    // `socket` is documented by the driver but missing from its types.
    ...{ socket: socketFactory(state, options.onSocket) },
  }) as Sql;
  addArrayTypes(sql.options);
  return { sql, isLost: () => state.lost };
}
