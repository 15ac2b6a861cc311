/**
 * The Kafka listener: takes connections on the loopback address, up to a limit, and ends them all when it stops.
 */
import { createServer, type Server, type Socket } from "node:net";
import { BrokerRefusal } from "../errors.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";

/** Each client has two or three; thousands are a mistake or an attack, and are closed at once. */
const MAX_CONNECTIONS = 1000;

export interface ListenerOptions extends Omit<ConnectionOptions, "onClosed"> {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** A listener that is bound. */
export interface Listener {
  readonly port: number;
  /** How many connections there are. */
  connections(): number;
  /** Closes all connections at once; new ones are welcome (fault injection). */
  disconnectAll(): void;
  /** Stops taking connections and requests; resolves when the open connections have ended. */
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
    // One that was on its way when the listener closed: nobody else would end it.
    if (isStopping || isFull) {
      if (isFull) {
        options.onRefused(`${socket.remoteAddress}`, `more than ${MAX_CONNECTIONS} connections`);
      }
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
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

/** Errors of a port, by their codes and, as Deno has them, by their names; what else goes wrong is the address's fault. */
const PORT_IS_TAKEN = ["EADDRINUSE", "AddrInUse"];
const PORT_IS_FORBIDDEN = ["EACCES", "EPERM", "PermissionDenied"];

/**
 * Why a listener could not be bound: the port is taken, the port is not for this user, or this machine has no such address. The hint
 * names the setting of the service, which the command line has in small letters.
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
