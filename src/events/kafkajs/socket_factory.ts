/**
 * Sockets without Nagle's algorithm: the last, partly filled segment of a request must not wait for the previous acknowledgement.
 *
 * Upstream, in kafkajs 2.2.4: src/network/socketFactory.js sets only keep-alive. Otherwise this is the same. It is passed to
 * kafkajs as the `socketFactory` option.
 */
import net from "node:net";
import tls from "node:tls";
import type { ISocketFactory } from "kafkajs";

/**
 * How long a connection may be idle before the system checks that the peer is still alive; kafkajs has a minute. How often it checks is the
 * system's setting, minutes in all. Requests have their own limit (`REQUEST_TIMEOUT_MS` in `kafka_client.ts`), which comes first.
 */
const KEEP_ALIVE_DELAY_MS = 15_000;

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
