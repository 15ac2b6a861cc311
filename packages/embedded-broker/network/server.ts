/**
 * The Kafka listener: accepts connections on the loopback address, up to a limit, and ends them all when it stops.
 */
import { createServer, type Server, type Socket } from "node:net";
import { BrokerRefusal } from "../errors.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";

/** Each client has two or three connections. Thousands are a mistake or an attack; connections beyond this are closed at once. */
const MAX_CONNECTIONS = 1000;

export interface ListenerOptions extends Omit<ConnectionOptions, "onClosed"> {
  readonly host: string;
  /** 0 selects a free one. */
  readonly port: number;
}

/** A listener that is bound. */
export interface Listener {
  readonly port: number;
  /** Number of open connections. */
  connections(): number;
  /** Closes all connections at once, and still accepts new ones (fault injection). */
  disconnectAll(): void;
  /** Stops accepting connections and requests; resolves when the open connections have ended. */
  stop(): Promise<void>;
}

/**
 * Binds the listener.
 * @throws BrokerRefusal naming the port and its setting when it can't listen on the port
 */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const connections = new Set<Connection>();
  const idle: (() => void)[] = [];
  let isStopping = false;
  const accept = (socket: Socket): void => {
    const isFull = connections.size >= MAX_CONNECTIONS;
    // A connection that arrived while the listener closed: nothing else would end it.
    if (isStopping || isFull) {
      if (isFull) {
        options.onRefused(`${socket.remoteAddress}`, `more than ${MAX_CONNECTIONS} connections`);
      }
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    socket.setKeepAlive(true, 15_000); // ms; else the connections of lost machines would add up
    const connection = new Connection(socket, {
      ...options,
      onClosed: () => {
        connections.delete(connection);
        if (connections.size === 0) { for (const resolve of idle.splice(0)) resolve(); }
      },
    });
    connections.add(connection);
  };
  // Half-open: a client that sent its last request and ended its side still gets the answer.
  const server = createServer({ noDelay: true, allowHalfOpen: true }, accept);
  const port = await bind(server, options.host, options.port);
  return {
    port,
    connections: () => connections.size,
    disconnectAll: () => {
      for (const connection of connections) connection.destroy();
    },
    async stop() {
      isStopping = true;
      server.close();
      for (const connection of connections) connection.end();
      if (connections.size === 0) return;
      await new Promise<void>((resolve) => idle.push(resolve));
    },
  };
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once(
      "error",
      (error: Error & { code?: string }) =>
        reject(listenerRefusal("Kafka", "KAFKA_PORT", host, port, error)),
    );
    server.listen(port, host, () => {
      const address = server.address();
      if (address === null || typeof address === "string") {
        return reject(new BrokerRefusal("the Kafka listener has no port"));
      }
      resolve(address.port);
    });
  });
}

/** Errors of a port, by their codes and, in Deno, by their names; any other error is due to the address. */
const PORT_IS_TAKEN = ["EADDRINUSE", "AddrInUse"];
const PORT_IS_FORBIDDEN = ["EACCES", "EPERM", "PermissionDenied"];

/**
 * Why a listener could not be bound: the port is in use, this user may not use it, or this machine has no such address. The hint
 * names the setting of the service; the command line uses the same name in lower case.
 */
export function listenerRefusal(
  what: string,
  setting: string,
  host: string,
  port: number,
  error: Error & { code?: string },
): BrokerRefusal {
  const is = (kinds: readonly string[]) => kinds.includes(error.code ?? error.name);
  const listener = `the embedded broker's ${what} listener`;
  if (is(PORT_IS_TAKEN)) {
    return new BrokerRefusal(`port ${port} on ${host}, for ${listener}, is in use`, {
      cause: error,
      hint: `Stop what uses the port, or set ${setting} to another (0 takes a free one).`,
    });
  }
  if (is(PORT_IS_FORBIDDEN)) {
    return new BrokerRefusal(`${listener} may not use port ${port} on ${host}: ${error.message}`, {
      cause: error,
      hint: `Set ${setting} to a port from 1024 on (0 takes a free one).`,
    });
  }
  return new BrokerRefusal(`${listener} can't listen on ${host}: ${error.message}`, {
    cause: error,
    hint: "Give --host an address of this machine: 127.0.0.1, or 0.0.0.0 for all it has.",
  });
}
