/**
 * Keeps postgres.js from reconnecting after a connection was lost, and sets TCP_NODELAY.
 *
 * Upstream, in 3.4.9: src/connection.js (`closed`, `reconnect`) reconnects by itself and sends whatever was waiting: statements
 * of a transaction that began on the lost connection (each is then its own transaction: an offset moved, its rows not written),
 * and bytes that the old socket had not taken, in front of the new connection's start-up message. So once a connection is lost,
 * the socket factory returns sockets that fail, and every waiting query is rejected.
 *
 * src/connection.js (`createSocket`) does not set TCP_NODELAY either. Without it, a COPY waits 40 ms for the kernels to agree that
 * no more data is coming (Nagle's algorithm against delayed acknowledgements).
 *
 * A server that can't be reached any more is noticed by `silence_watch.ts`.
 */
import { connect, Socket } from "node:net";
import { watchSilence } from "./silence_watch.ts";

/** The part of the driver's parsed options that a socket needs. */
interface Target {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path: string | false;
}

/** Whether a connection of the driver has ended. */
export interface DriverState {
  lost: boolean;
}

/**
 * The driver's `socket` option. The socket is handed over while it is still connecting. If the factory failed instead, the driver
 * would forget the connection and every query that waits for it; a failure of the socket reaches the driver.
 * @param onSocket called with every socket as it begins to connect
 */
export function socketFactory(
  state: DriverState,
  onSocket: ((socket: Socket) => void) | undefined,
): (target: Target) => Socket {
  let next = 0;
  return (target) => {
    if (state.lost) {
      return failingSocket(
        Object.assign(new Error("this connection was lost"), { code: "CONNECTION_CLOSED" }),
      );
    }
    const at = next++ % target.host.length;
    const [host, port] = [target.host[at], target.port[at]];
    const server = { host: host ?? "localhost", port: port ?? 5432 };
    const socket = connect(target.path !== false ? { path: target.path } : server);
    if (target.path === false) watchSilence(socket, server);
    socket.setNoDelay(true);
    // Before the driver's own listener, which retries when a server hangs up during the start-up.
    socket.once("close", () => state.lost = true);
    onSocket?.(socket);
    // The property where the driver looks up the name to verify in the server's certificate.
    return Object.assign(socket, { host });
  };
}

/** A socket that fails with `error` as soon as the driver listens. */
export function failingSocket(error: Error): Socket {
  const socket = new Socket();
  setTimeout(() => socket.destroy(error));
  return socket;
}
