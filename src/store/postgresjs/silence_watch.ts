/**
 * Ends a connection whose server can't be reached any more: an answer is due, nothing comes, and no new connection to the server can
 * be made either.
 *
 *     query sent ─15 s without a byte─▶ connect anew ─▶ works: the query takes its time ─15 s▶ …
 *                                             └──▶ fails twice: the connection is ended, the query fails
 *
 * TCP alone takes a quarter of an hour for that: it repeats what was not acknowledged, with growing pauses (net.ipv4.tcp_retries2), and
 * sends no keep-alive probes meanwhile. The option that limits it, TCP_USER_TIMEOUT, can't be set in Deno. A limit for the query would
 * end rebuilds, whose statements take minutes. PostgreSQL says nothing about connections that end before they send anything.
 * Connections with TLS are not watched: there the system's limit applies.
 */
import { connect, type Socket } from "node:net";
import { clearInterval, setInterval } from "node:timers";

/** Where the server is. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface SilenceTimes {
  /** Without a byte from the server, while an answer is due. */
  readonly silence: number;
  /** For a new connection. */
  readonly connect: number;
}

/** 15 s, and twice 5 s for connections, with pauses of 5 s: noticed after half a minute. */
const TIMES: SilenceTimes = { silence: 15_000, connect: 5_000 };
/** Connections that fail one after the other. One may fail because the server is overloaded. */
const FAILURES = 2;

/** Watches the socket until it closes. */
export function watchSilence(
  socket: Socket,
  server: ServerAddress,
  times: SilenceTimes = TIMES,
): void {
  let readAt_ms = performance.now();
  /** Bytes that were written when the last ones were read: more than that, and an answer is due. */
  let answered = 0;
  let failures = 0;
  let isProbing = false;
  const look = async (): Promise<void> => {
    // The driver takes all listeners off when it begins TLS on this socket, whose bytes then can't be seen here.
    if (socket.destroyed || socket.listenerCount("data") === 0) return clearInterval(timer);
    const isDue = socket.bytesWritten > answered;
    if (!isDue) readAt_ms = performance.now();
    if (!isDue || isProbing || performance.now() - readAt_ms < times.silence) return;
    isProbing = true;
    const isThere = await answers(server, times.connect);
    isProbing = false;
    if (isThere) readAt_ms = performance.now();
    failures = isThere ? 0 : failures + 1;
    if (failures < FAILURES || socket.destroyed) return;
    const { host, port } = server;
    socket.destroy(
      Object.assign(new Error(`${host}:${port} does not answer any more`), { code: "ETIMEDOUT" }),
    );
  };
  const timer = setInterval(() => void look(), times.connect);
  // A pool that is idle must not keep the process alive.
  timer.unref();
  socket.on("data", () => {
    readAt_ms = performance.now();
    answered = socket.bytesWritten;
    failures = 0;
  });
  socket.once("close", () => clearInterval(timer));
}

/** Whether a connection can be made. */
function answers({ host, port }: ServerAddress, limit_ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ host, port });
    const end = (isThere: boolean) => {
      clearTimeout(timer);
      probe.destroy();
      resolve(isThere);
    };
    const timer = setTimeout(() => end(false), limit_ms);
    probe.once("connect", () => end(true));
    probe.once("error", () => end(false));
  });
}
