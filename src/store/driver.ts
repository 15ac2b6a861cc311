/**
 * postgres.js, set up for this service: TCP_NODELAY, 64-bit integers, times in UTC, notices to the observer; and never a new
 * connection after a lost one.
 *
 * postgres.js 3.4.9 connects again by itself, and sends there whatever was waiting: statements of a transaction that began
 * on the lost connection (each is then a transaction of its own: an offset moved, its rows not written), and bytes that the old
 * socket had not taken, in front of the new connection's start-up message. So a driver that has lost a connection makes no
 * other: what waits is rejected, and whoever used it opens a new driver.
 */
import { connect as connectSocket, Socket } from "node:net";
import postgres from "postgres";
import type { Observe } from "../observe/observe.ts";
import { ARRAY_TYPES, parseArray, serializeArray } from "./array_types.ts";

/** The driver's tag function; 64-bit integers are BigInt, times are Date. */
export type Sql = postgres.Sql<{ bigint: bigint }>;

export interface DriverOptions {
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
}

/** A host that does not answer is not there; the loops try again. */
const CONNECT_SECONDS_MAX = 10;

/** A driver whose loss can be asked for. */
export interface Driver {
  readonly sql: Sql;
  /** Whether a connection of it has ended. It is of no use any more then. */
  isLost(): boolean;
}

/** The driver's pool; no connection is made before the first query, and none after the first loss. */
export function openDriver(options: DriverOptions): Driver {
  const state = { lost: false };
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
  addArrayTypes(sql);
  return { sql, isLost: () => state.lost };
}

/** What the driver would add after asking the server for its types. */
function addArrayTypes(sql: Sql): void {
  // The tables that its connections look in; typed as if they held the caller's own types only.
  const { parsers, serializers, shared } = sql.options as unknown as DriverTables;
  for (const { array, element } of ARRAY_TYPES) {
    const parse = parsers[element] ?? ((text: string) => text);
    const serialize = serializers[element] ?? String;
    parsers[array] = (text) => parseArray(text, parse);
    serializers[array] = (values) => serializeArray(values as readonly unknown[], serialize);
    shared.typeArrayMap[element] = array;
  }
}

interface DriverTables {
  readonly parsers: Record<number, (text: string) => unknown>;
  readonly serializers: Record<number, (value: unknown) => string>;
  readonly shared: { readonly typeArrayMap: Record<number, number> };
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
function socketFactory(
  state: { lost: boolean },
  onSocket: ((socket: Socket) => void) | undefined,
) {
  let next = 0;
  return (target: Target): Socket => {
    if (state.lost) return deadSocket();
    const at = next++ % target.host.length;
    const [host, port] = [target.host[at], target.port[at]];
    const socket = target.path !== false
      ? connectSocket({ path: target.path })
      : connectSocket({ host: host ?? "localhost", port: port ?? 5432 });
    socket.setNoDelay(true);
    // Before the driver's own listener: it tries again when a server hangs up during the start-up.
    socket.once("close", () => state.lost = true);
    onSocket?.(socket);
    // Where the driver looks for the name to verify in the server's certificate.
    return Object.assign(socket, { host });
  };
}

/** A socket that fails as soon as the driver listens. */
function deadSocket(): Socket {
  const socket = new Socket();
  const error = Object.assign(new Error("this connection was lost"), { code: "CONNECTION_CLOSED" });
  setTimeout(() => socket.destroy(error));
  return socket;
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
    text.length <= "2026-01-01".length
      ? new Date(text)
      : new Date(`${text.replace(" ", "T").replace(/\+00(:00)?$/, "")}Z`),
};
