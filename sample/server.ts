/**
 * Serves a data directory over HTTP like the source's nginx: static files, listings, conditional
 * requests, ranges. It logs requests, and can simulate faults.
 */
import { Buffer } from "node:buffer";
import { open, realpath, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isAbsolute, join, relative } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { PermanentError } from "@gmn/failures";
import { answerTo, type Conditions, entityTag, type FileVersion } from "./conditions.ts";
import { listingOf } from "./listing.ts";
import { createLog, type LoggedRequest, type RequestLog } from "./request_log.ts";

/** The path of the source's summary files. */
export const DATA_PATH = "/data/traj_summary_data/";

/** The delay that a polite client keeps between requests (the source's robots.txt, as of 2026). */
const ROBOTS_TXT = "User-agent: *\nCrawl-delay: 10\n";
/** A fault for one request: another status instead of the file, or the connection cut in the body. */
export type Fault =
  | { status: number; headers?: Record<string, string> }
  | { cutAfter_bytes: number };

/** Address, directory and faults. */
export interface ServeOptions {
  directory: string;
  /** 0 selects a free port. */
  port: number;
  host?: string;
  /**
   * Called before every request; undefined means no fault. A promise holds the request until it settles.
   *
   * @param path as requested
   * @param count number of earlier requests for this path
   */
  fault?: (path: string, count: number) => Fault | undefined | Promise<Fault | undefined>;
}

/** A running server. */
export interface DataServer {
  /** URL of the data directory, with a trailing slash. */
  url: string;
  port: number;
  requests: RequestLog;
  /** Aborts open requests and frees the port. */
  stop(): Promise<void>;
}

/**
 * Starts to serve a directory.
 *
 * @throws PermanentError when the directory does not exist or the port is in use
 */
export async function serveDataDirectory(options: ServeOptions): Promise<DataServer> {
  const { directory, port, host = "127.0.0.1", fault } = options;
  const root = await realpath(directory).catch((cause) => {
    throw new PermanentError(`there is no data directory ${directory} to serve`, {
      cause,
      hint: "make it first: deno run -A sample/main.ts --directory DIRECTORY",
    });
  });
  const { log, add } = createLog();
  const asked = new Map<string, number>();
  const server = createServer(async (request, response) => {
    const path = request.url ?? "/";
    const at = new Date();
    const count = asked.get(path) ?? 0;
    asked.set(path, count + 1);
    let sent_bytes = 0;
    try {
      const trouble = await fault?.(path, count);
      if (trouble !== undefined && "status" in trouble) {
        response.writeHead(trouble.status, trouble.headers).end();
      } else {
        const cutAfter = trouble?.cutAfter_bytes ?? Infinity;
        const count = (bytes: number) => void (sent_bytes += bytes);
        await answer(root, request, response, { count, cutAfter });
      }
    } catch {
      // The client disconnected, or the file shrank while it was read.
      response.destroy();
    } finally {
      add(logged(request, response, { path, at, sent_bytes }));
    }
  });
  const taken = await listen(server, port, host);
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${taken}${DATA_PATH}`,
    port: taken,
    requests: log,
    stop: () => close(server),
  };
}

function logged(
  { method = "GET", headers }: IncomingMessage,
  { statusCode }: ServerResponse,
  rest: { path: string; at: Date; sent_bytes: number },
): LoggedRequest {
  return {
    method,
    status: statusCode,
    range: headers.range,
    ifNoneMatch: headers["if-none-match"],
    userAgent: headers["user-agent"],
    ...rest,
  };
}

/** How a body is sent. */
interface Sending {
  /** Called with the size of every chunk, in bytes. */
  count: (bytes: number) => void;
  cutAfter: number;
}

async function answer(
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  sending: Sending,
): Promise<void> {
  const isHead = request.method === "HEAD";
  if (request.method !== "GET" && !isHead) {
    return sendText(response, 405, "Method Not Allowed\n", false, { Allow: "GET, HEAD" });
  }
  const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
  if (path === "/robots.txt") return sendText(response, 200, ROBOTS_TXT, isHead);
  const file = await fileAt(root, path);
  if (file === undefined) return sendText(response, 404, "Not Found\n", isHead);
  if (!(await stat(file)).isDirectory()) return await sendFile(file, request, response, sending);
  if (!path.endsWith("/")) {
    return sendText(response, 301, "Moved Permanently\n", isHead, { Location: `${path}/` });
  }
  const html = await listingOf(file, decodeURIComponent(path));
  sendText(response, 200, html, isHead, { "Content-Type": "text/html" });
}

/** The file of a path; undefined when it does not exist, or is outside of the root, by `..` or by a link. */
async function fileAt(root: string, path: string): Promise<string | undefined> {
  if (path !== DATA_PATH.slice(0, -1) && !path.startsWith(DATA_PATH)) return undefined;
  let segments: string[];
  try {
    segments = path.slice(DATA_PATH.length).split("/").map(decodeURIComponent);
  } catch {
    return undefined;
  }
  if (segments.some((segment) => segment.startsWith(".") || /[/\\\0]/.test(segment))) {
    return undefined;
  }
  const file = await realpath(join(root, ...segments)).catch(() => undefined);
  if (file === undefined) return undefined;
  const inside = relative(root, file);
  return inside.startsWith("..") || isAbsolute(inside) ? undefined : file;
}

function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  isHead: boolean,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    "Content-Type": "text/plain",
    "Content-Length": Buffer.byteLength(text),
    ...headers,
  });
  response.end(isHead ? undefined : text);
}

async function sendFile(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  { count, cutAfter }: Sending,
): Promise<void> {
  const handle = await open(path, "r");
  try {
    // From the open file, not by name: the generator may replace the file meanwhile.
    const found = await handle.stat();
    const version: FileVersion = { size_bytes: found.size, modified: found.mtime };
    const answer = answerTo(conditionsOf(request), version);
    const validators = {
      "Last-Modified": version.modified.toUTCString(),
      ETag: entityTag(version),
    };
    if (answer.status === 304) return void response.writeHead(304, validators).end();
    if (answer.status === 416) {
      return sendText(response, 416, "Range Not Satisfiable\n", request.method === "HEAD", {
        "Content-Range": `bytes */${version.size_bytes}`,
      });
    }
    const { start, end } = answer.status === 206
      ? answer
      : { start: 0, end: version.size_bytes - 1 };
    response.writeHead(answer.status, {
      ...validators,
      "Content-Type": "text/plain",
      "Content-Length": end - start + 1,
      "Accept-Ranges": "bytes",
      ...(answer.status === 206 && {
        "Content-Range": `bytes ${start}-${end}/${version.size_bytes}`,
      }),
    });
    if (request.method === "HEAD" || end < start) return void response.end();
    const last = Math.min(end, start + cutAfter - 1);
    const body = handle.createReadStream({ start, end: last, autoClose: false });
    await pipeline(Readable.from(counted(body, count)), response, { end: last === end });
    // The bytes that were sent arrive, then the connection ends in the middle of the body.
    if (last < end) response.socket?.end();
  } finally {
    await handle.close();
  }
}

async function* counted(
  body: AsyncIterable<Uint8Array>,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    count(chunk.length);
    yield chunk;
  }
}

function conditionsOf({ headers }: IncomingMessage): Conditions {
  return {
    ifNoneMatch: headers["if-none-match"],
    ifModifiedSince: headers["if-modified-since"],
    range: headers.range,
    ifRange: headers["if-range"]?.toString(),
  };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(
        new PermanentError(`the sample data can't be served at ${host}:${port}`, {
          cause,
          hint: "choose another --port; 0 takes a free one",
        }),
      ));
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
