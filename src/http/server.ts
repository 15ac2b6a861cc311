/**
 * The HTTP server: an edge, so Deno's own.
 */
import { PermanentError } from "../failures/failures.ts";

export interface RunningServer {
  /** `http://host:port`, to paste into curl. */
  readonly url: string;
  /** Answers what is at work, takes nothing new. */
  stop(): Promise<void>;
}

/**
 * Serves `fetch` at `host` and `port` (0 takes a free one).
 * @throws PermanentError when the port is in use or the address is not one of this machine's
 */
export function serveHttp(
  options: {
    host: string;
    port: number;
    fetch: (request: Request) => Response | Promise<Response>;
  },
): RunningServer {
  const { host, port, fetch } = options;
  try {
    const server = Deno.serve({ hostname: host, port, onListen: () => {} }, fetch);
    const shownHost = host.includes(":") ? `[${host}]` : host;
    return {
      url: `http://${shownHost}:${server.addr.port}`,
      stop: () => server.shutdown(),
    };
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new PermanentError(`HTTP port ${port} is already in use`, {
        cause: error,
        hint: "Stop what uses it, or set HTTP_PORT to another port (0 takes a free one).",
      });
    }
    if (error instanceof Deno.errors.AddrNotAvailable) {
      throw new PermanentError(`HTTP_HOST=${host} is not an address of this machine`, {
        cause: error,
      });
    }
    throw error;
  }
}
