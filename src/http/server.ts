/** The HTTP server, which is Deno's own. */
import { PermanentError, withTimeout } from "@gmn/failures";

export interface RunningServer {
  /** `http://host:port`, to paste into curl. */
  readonly url: string;
  /**
   * Accepts no new requests and waits for those in progress, up to a limit.
   * @throws Error when some remain: their connections end with the process
   */
  stop(): Promise<void>;
}

/** Answers take milliseconds; exports and uploads, which take longer, can be repeated. */
const GRACE_MS = 5_000;

/** The settings that the API's address comes from, for messages. */
const API_SETTINGS = { host: "HTTP_HOST", port: "HTTP_PORT" };

/**
 * Serves `fetch` at `host` and `port` (0 takes a free one).
 * @throws PermanentError when the port is in use or the address is not one of this machine's
 */
export function serveHttp(
  options: {
    host: string;
    port: number;
    fetch: (request: Request) => Response | Promise<Response>;
    /** The settings that the address comes from. */
    settings?: { readonly host: string; readonly port: string };
    /** How long a stop waits for requests in progress. */
    grace_ms?: number;
  },
): RunningServer {
  const { host, port, fetch, settings = API_SETTINGS, grace_ms = GRACE_MS } = options;
  try {
    const server = Deno.serve({ hostname: host, port, onListen: () => {} }, fetch);
    const shownHost = host.includes(":") ? `[${host}]` : host;
    return {
      url: `http://${shownHost}:${server.addr.port}`,
      async stop() {
        // A client that reads slowly, or never, must not block the stop; its connection ends with the process, or with the
        // database. (Deno has no way to close it: aborting a server that is shutting down throws "Bad resource ID".)
        await withTimeout(
          server.shutdown(),
          grace_ms,
          () => new Error(`some requests were not answered after ${grace_ms} ms`),
        );
      },
    };
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new PermanentError(`port ${port} (${settings.port}) is already in use`, {
        cause: error,
        hint: `Stop what uses it, or set ${settings.port} to another port (0 picks a free one).`,
      });
    }
    if (error instanceof Deno.errors.AddrNotAvailable) {
      throw new PermanentError(`${settings.host}=${host} is not an address of this machine`, {
        cause: error,
      });
    }
    throw error;
  }
}
