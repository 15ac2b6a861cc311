/**
 * Connections to PostgreSQL: postgres.js with what it leaves out.
 */
import { connect as connectSocket, type Socket } from "node:net";
import postgres from "postgres";
import type { Observe } from "../observe/observe.ts";

/** The driver's tag function; 64-bit integers are BigInt, times are Date. */
export type Sql = postgres.Sql<{ bigint: bigint }>;
/** Inside `sql.begin`. */
export type TransactionSql = postgres.TransactionSql<{ bigint: bigint }>;
/** What a query function takes: a pool or the transaction it is part of. */
export type Queryable = postgres.ISql<{ bigint: bigint }>;

export interface ConnectOptions {
  /** `postgres://user:password@host:port/database`, with the driver's parameters (`?sslmode=require`, …). */
  readonly url: string;
  /** Connections at most. */
  readonly max: number;
  /** How the connections are called in pg_stat_activity. */
  readonly applicationName: string;
  readonly observe: Observe;
  /** Called whenever a connection has ended, for whatever reason. */
  readonly onClose?: () => void;
  /** Called with every socket as it begins to connect. */
  readonly onSocket?: (socket: Socket) => void;
  /** A connection unused for so long is given back; 0: never. */
  readonly idleSeconds?: number;
}

export interface Store {
  readonly sql: Sql;
  /** Waits for queries under way (at most `CLOSE_SECONDS_MAX`), then closes every connection. */
  close(): Promise<void>;
}

/** A host that does not answer is not there; the loops try again. */
const CONNECT_SECONDS_MAX = 10;
/** Longer than any statement of a healthy store at a shutdown. */
const CLOSE_SECONDS_MAX = 5;

/** A pool of connections; none is made before the first query. */
export function connectStore(options: ConnectOptions): Store {
  const sql = postgres(options.url, {
    max: options.max,
    connect_timeout: CONNECT_SECONDS_MAX,
    idle_timeout: options.idleSeconds ?? 0,
    // postgres.js would renew every connection after 30 to 60 minutes; a loader's has session state.
    max_lifetime: null,
    connection: { application_name: options.applicationName, TimeZone: "UTC" },
    types: { bigint: postgres.BigInt, date: DATE },
    onnotice: (notice) => {
      options.observe("database.log", { line: `${notice.severity}: ${notice.message}` });
    },
    onclose: () => options.onClose?.(),
    // `socket` is documented by the driver but missing from its types.
    ...{ socket: socketFactory(options.onSocket) },
  }) as Sql;
  return { sql, close: () => sql.end({ timeout: CLOSE_SECONDS_MAX }) };
}

/** The part of the driver's parsed options that a socket needs. */
interface Target {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path: string | false;
}

/**
 * Sockets with TCP_NODELAY, which postgres.js does not set: without it a COPY waits 40 ms for the kernels to agree that no
 * more is coming (Nagle's algorithm against delayed acknowledgements).
 *
 * The socket is handed over while it still connects. The driver would forget a connection whose factory fails, and with it
 * every query that waits for it; from a socket it hears of the failure.
 */
function socketFactory(onSocket: ((socket: Socket) => void) | undefined) {
  let next = 0;
  return (target: Target): Socket => {
    const at = next++ % target.host.length;
    const [host, port] = [target.host[at], target.port[at]];
    const socket = target.path !== false
      ? connectSocket({ path: target.path })
      : connectSocket({ host: host ?? "localhost", port: port ?? 5432 });
    socket.setNoDelay(true);
    // Where the driver looks for the name to verify in the server's certificate.
    onSocket?.(Object.assign(socket, { host }));
    return socket;
  };
}

/**
 * `timestamptz` (oid 1184), `timestamp` and `date` to Date, in UTC. The driver's own parser leaves it to `Date`, which takes
 * year `0001` for 2001. Microseconds are cut to milliseconds: whoever needs them asks for text or for `extract(epoch …)`.
 */
const DATE = {
  to: 1184,
  from: [1082, 1114, 1184],
  serialize: (value: Date | string | number): string => new Date(value).toISOString(),
  parse: (text: string): Date =>
    new Date(text.replace(" ", "T").replace(/\+00(:00)?$/, "") + (text.length > 10 ? "Z" : "")),
};
