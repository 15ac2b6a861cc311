/**
 * Keeps postgres.js from connecting again after a connection was lost, and sets TCP_NODELAY.
 *
 * Upstream, in 3.4.9: src/connection.js (`closed`, `reconnect`) connects again by itself and sends whatever was waiting: statements
 * of a transaction that began on the lost connection (each is then a transaction of its own: an offset moved, its rows not
 * written), and bytes that the old socket had not taken, in front of the new connection's start-up message. So once a
 * connection is lost, the socket factory gives sockets that fail, and every waiting query is rejected.
 *
 * src/connection.js (`createSocket`) does not set TCP_NODELAY either: a COPY then waits 40 ms for the kernels to agree that no more is
 * coming (Nagle's algorithm against delayed acknowledgements).
 */
import { connect, Socket } from "node:net";

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
 * The driver's `socket` option. The socket is handed over while it still connects: the driver would forget a connection whose
 * factory fails, and with it every query that waits for it; from a socket it hears of the failure.
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
    const socket = target.path !== false
      ? connect({ path: target.path })
      : connect({ host: host ?? "localhost", port: port ?? 5432 });
    socket.setNoDelay(true);
    // Before the driver's own listener: it tries again when a server hangs up during the start-up.
    socket.once("close", () => state.lost = true);
    onSocket?.(socket);
    // Where the driver looks for the name to verify in the server's certificate.
    return Object.assign(socket, { host });
  };
}

/** A socket that fails with `error` as soon as the driver listens. */
export function failingSocket(error: Error): Socket {
  const socket = new Socket();
  setTimeout(() => socket.destroy(error));
  return socket;
}
