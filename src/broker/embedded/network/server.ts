/**
 * The Kafka listener: takes connections on the loopback address, up to a limit, and ends them all when it stops.
 */
import { createServer, type Server, type Socket } from "node:net";
import { PermanentError } from "../../../failures/failures.ts";
import { Connection } from "./connection.ts";
import type { Dispatch } from "./dispatch.ts";
import type { ClientMemory } from "./memory.ts";

/** Each client has two or three; thousands are a mistake or an attack, and are closed at once. */
const MAX_CONNECTIONS = 1000;

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly dispatch: Dispatch;
  readonly memory: ClientMemory;
  readonly stallTimeout_ms: number;
  onRefused(client: string, reason: string): void;
  onFault(error: unknown): void;
}

/** A listener that is bound. */
export interface Listener {
  readonly port: number;
  /** How many connections there are. */
  connections(): number;
  /** Closes all connections at once; new ones are welcome (fault injection). */
  disconnectAll(): void;
  /** Takes no more connections and requests; resolves when those there are have ended. */
  stop(): Promise<void>;
}

/**
 * Binds the listener.
 * @throws PermanentError naming the port and its setting when the port can't be had
 */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const connections = new Set<Connection>();
  const idle: (() => void)[] = [];
  let isStopping = false;
  const accept = (socket: Socket): void => {
    if (isStopping) {
      // It was on its way when the listener closed: nobody else would end it.
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    if (connections.size >= MAX_CONNECTIONS) {
      options.onRefused(`${socket.remoteAddress}`, `more than ${MAX_CONNECTIONS} connections`);
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, {
      dispatch: options.dispatch,
      memory: options.memory,
      stallTimeout_ms: options.stallTimeout_ms,
      onRefused: options.onRefused,
      onFault: options.onFault,
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
        reject(portRefusal("Kafka", "KAFKA_PORT", host, port, error)),
    );
    server.listen(port, host, () => {
      const address = server.address();
      if (address === null || typeof address === "string") {
        return reject(new PermanentError("the Kafka listener has no port"));
      }
      resolve(address.port);
    });
  });
}

/** Why a port can't be had, and which setting (of the service; the command line has it in small letters) to change. */
export function portRefusal(
  what: string,
  setting: string,
  host: string,
  port: number,
  error: Error & { code?: string },
): PermanentError {
  const isTaken = error.code === "EADDRINUSE" || error.name === "AddrInUse";
  return new PermanentError(
    isTaken
      ? `port ${port} on ${host}, for the embedded broker's ${what} listener, is in use`
      : `the embedded broker's ${what} listener can't have port ${port} on ${host}: ${error.message}`,
    {
      cause: error,
      hint: `Stop what uses the port, or set ${setting} to another (0 takes a free one).`,
    },
  );
}
