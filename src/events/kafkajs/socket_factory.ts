/**
 * Sockets with Nagle's algorithm off: a request's last, half-full segment must not wait for the acknowledgement of the one before.
 *
 * Upstream, in kafkajs 2.2.4: src/network/socketFactory.js sets only keep-alive. This is the same otherwise, given to kafkajs as its
 * `socketFactory` option.
 */
import net from "node:net";
import tls from "node:tls";
import type { ISocketFactory } from "kafkajs";

/** How long a connection may be silent before the system asks whether the other end is still there; kafkajs's own value. */
const KEEP_ALIVE_DELAY_MS = 60_000;

export const socketFactory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl
    ? tls.connect(
      { host, port, ...(net.isIP(host) ? {} : { servername: host }), ...ssl },
      onConnect,
    )
    : net.connect({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
  socket.setNoDelay(true);
  return socket;
};
