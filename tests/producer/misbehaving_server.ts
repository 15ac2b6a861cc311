/**
 * A real HTTP server whose every answer a test decides: errors, resets in the middle of a body, wrong lengths, silence.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What to do with the `nth` request (from 1) to a path. */
export type Behaviour = (
  request: IncomingMessage,
  response: ServerResponse,
  nth: number,
) => unknown;

/** A request as it came in. */
export interface Seen {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly at_ms: number;
}

export interface MisbehavingServer {
  /** The data directory's URL, with a path of its own. */
  readonly url: URL;
  readonly seen: Seen[];
  /** Decides what happens to a path below the data directory; others get 404. */
  on(path: string, behaviour: Behaviour): void;
  stop(): Promise<void>;
}

export async function startMisbehavingServer(): Promise<MisbehavingServer> {
  const behaviours = new Map<string, Behaviour>();
  const counts = new Map<string, number>();
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? "").replace(/^\/data\//, "");
    const nth = (counts.get(path) ?? 0) + 1;
    counts.set(path, nth);
    seen.push({ path, headers: request.headers, at_ms: performance.now() });
    response.on("error", () => {});
    const behaviour = behaviours.get(path);
    if (behaviour === undefined) response.writeHead(404).end("no such file");
    else behaviour(request, response, nth);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/data/`),
    seen,
    on: (path, behaviour) => behaviours.set(path, behaviour),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A file as a good server serves it: validators, conditions, ranges. */
export interface ServedFile {
  readonly body: Uint8Array;
  readonly etag?: string;
  readonly lastModified?: string;
}

/**
 * Answers like nginx would. `cutAfter`: sends that many bytes of the body and then resets the connection.
 */
export function serve(
  file: ServedFile,
  request: IncomingMessage,
  response: ServerResponse,
  cutAfter = Infinity,
): void {
  const headers: Record<string, string> = {};
  if (file.etag !== undefined) headers.etag = file.etag;
  if (file.lastModified !== undefined) headers["last-modified"] = file.lastModified;
  const { range, "if-range": ifRange, "if-none-match": noneMatch } = request.headers;
  if (noneMatch !== undefined && noneMatch === file.etag) {
    response.writeHead(304, headers).end();
    return;
  }
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? NaN);
  const isRange = !Number.isNaN(start) &&
    (ifRange === undefined || ifRange === file.etag || ifRange === file.lastModified);
  if (isRange && start >= file.body.length) {
    response.writeHead(416, { ...headers, "content-range": `bytes */${file.body.length}` }).end();
    return;
  }
  const body = isRange ? file.body.subarray(start) : file.body;
  if (isRange) {
    headers["content-range"] = `bytes ${start}-${file.body.length - 1}/${file.body.length}`;
  }
  response.writeHead(isRange ? 206 : 200, { ...headers, "content-length": String(body.length) });
  if (cutAfter >= body.length) response.end(body);
  else response.write(body.subarray(0, cutAfter), () => response.socket?.destroy());
}
