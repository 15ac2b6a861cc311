/**
 * postgres.js, set up for this service and with its faults worked around, each in a file beside this one: 64-bit integers as
 * BigInt, times in UTC, notices to the observer, and no new connection after a lost one.
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
  /** Connections at most. */
  readonly max: number;
  /** The name of the connections in pg_stat_activity. */
  readonly applicationName: string;
  readonly observe: Observe;
  /** Called whenever a connection has ended, for whatever reason. */
  readonly onClose?: () => void;
  /** Called with every socket as it begins to connect. */
  readonly onSocket?: (socket: Socket) => void;
}

/** A host that does not answer is not there; the loops try again. */
const CONNECT_SECONDS_MAX = 10;

export interface Driver {
  readonly sql: Sql;
  /** Whether one of its connections has ended. Then it is of no more use: open a new driver. */
  isLost(): boolean;
}

/**
 * The driver's pool; no connection is made before the first query, and none after the first loss.
 * @throws PermanentError when postgres.js is not what the workarounds are for
 */
export function openDriver(options: DriverOptions): Driver {
  assertProven();
  const state: DriverState = { lost: false };
  const sql = postgres(options.url, {
    max: options.max,
    connect_timeout: CONNECT_SECONDS_MAX,
    // postgres.js would renew every connection after 30 to 60 minutes; a loader's has session state.
    max_lifetime: null,
    connection: { application_name: options.applicationName, TimeZone: "UTC" },
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
