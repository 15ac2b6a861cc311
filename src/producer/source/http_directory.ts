/**
 * A data directory over HTTP: listings, conditional requests, and downloads that resume after a broken connection.
 *
 * A download that breaks is resumed with `Range` and `If-Range`. The answer decides:
 *   206 of the same file      goes on where it broke
 *   200 of the same file      the server does not support ranges: the bytes already delivered are skipped
 *   anything else             the file has changed: FileChangedError, and the caller starts again from the first byte
 */
import { backoffDelayMs, PermanentError, TransientError, wait } from "@gmn/failures";
import { unobserved } from "../../observe/observe.ts";
import type { FileIdentity } from "../../runs/run_event.ts";
import {
  checkedPath,
  type DataDirectory,
  FileChangedError,
  type Folder,
  isSameFile,
  type ListedFile,
  type ListOptions,
  type OpenedFile,
  type OpenOptions,
  SourceUnavailableError,
} from "./data_directory.ts";
import { bodyChunks, contentLength, IDLE_TIMEOUT_MS, isEncoded } from "./http_body.ts";
import {
  type Answer,
  type HttpRequestOptions,
  request,
  REQUEST_BACKOFF,
  RESPONSE_TIMEOUT_MS,
} from "./http_request.ts";
import { parseListing } from "./listing.ts";
import { PoliteGate } from "./polite_gate.ts";

/** Between the starts of two requests; the `Crawl-delay` of the source's robots.txt. */
export const REQUEST_INTERVAL_MS = 10_000;
/** Largest listing that is read: ten times the size of daily/ (3,000 names of 200 bytes). */
const MAX_LISTING_BYTES = 8 * 2 ** 20;
/** Attempts to read one listing to its end, when its text breaks off. */
const LISTING_TRIES = 3;
/** A download is given up after this many breaks in a row, each with less than `PROGRESS_BYTES` since the one before. */
const MAX_BREAKS = 5;
const PROGRESS_BYTES = 2 ** 20;
/** From this age on, a file's Last-Modified identifies it: headers have seconds, so that 1.0 may be all but 2. */
const SETTLED_AFTER_MS = 2_000;

export interface HttpDirectoryOptions extends Partial<Omit<HttpRequestOptions, "gate">> {
  readonly interval_ms?: number;
  readonly idleTimeout_ms?: number;
}

/** Identifies us to the operators of the source; the service adds the version. */
export const USER_AGENT = "gmn-data-store-ingestion";

export class HttpDirectory implements DataDirectory {
  readonly location: string;
  readonly #base: URL;
  readonly #options: HttpRequestOptions;
  readonly #idleTimeout_ms: number;

  /** `base` is the directory's URL; query and fragment are dropped, a missing trailing slash is added. */
  constructor(base: URL, options: HttpDirectoryOptions = {}) {
    this.#base = new URL(base.pathname.replace(/\/*$/, "/"), base);
    this.location = this.#base.href;
    this.#options = {
      gate: new PoliteGate(options.interval_ms ?? REQUEST_INTERVAL_MS),
      userAgent: options.userAgent ?? USER_AGENT,
      responseTimeout_ms: options.responseTimeout_ms ?? RESPONSE_TIMEOUT_MS,
      backoff: options.backoff ?? REQUEST_BACKOFF,
      observe: options.observe ?? unobserved,
    };
    this.#idleTimeout_ms = options.idleTimeout_ms ?? IDLE_TIMEOUT_MS;
  }

  async list(folder: Folder, options: ListOptions = {}): Promise<ListedFile[] | "missing"> {
    const url = new URL(folder === "" ? "" : `${folder}/`, this.#base);
    const page = await this.#page(url, options);
    return page === "missing" ? page : parseListing(page.html, page.url, folder);
  }

  async open(
    path: string,
    options: OpenOptions = {},
  ): Promise<OpenedFile | "unchanged" | "missing"> {
    const url = new URL(checkedPath(path), this.#base);
    const { from, unlessSame, signal } = options;
    const range = from === undefined ? null : rangeHeaders(from.identity, from.byteOffset);
    const answer = await this.#ask(url, range ?? conditionHeaders(unlessSame), options);
    const { response } = answer;
    if (response.status === 404 || response.status === 410) return discard(answer, "missing");
    if (response.status === 304 && unlessSame !== undefined) return discard(answer, "unchanged");
    const identity = identityOf(response);
    if (unlessSame !== undefined && isSameFile(identity, unlessSame)) {
      return discard(answer, "unchanged");
    }
    const start = from === undefined ? 0 : from.byteOffset;
    const body = from === undefined ? null : this.#bodyAt(answer, start, from.identity, signal);
    if (body !== null) return this.#opened(path, answer, identity, start, body, options);
    if (response.status === 200) {
      const whole = bodyChunks(answer, this.#idleTimeout_ms, signal);
      return this.#opened(path, answer, identity, 0, whole, options);
    }
    discard(answer, null);
    if (from === undefined) throw new SourceUnavailableError(unexpected(answer));
    // The range no longer matches the file: read the whole file.
    return this.open(path, { ...options, from: undefined });
  }

  #ask(url: URL, headers: Record<string, string>, options: ListOptions): Promise<Answer> {
    const { priority = "backfill", signal } = options;
    return request(
      url,
      { "accept-encoding": "identity", ...headers },
      priority,
      signal,
      this.#options,
    );
  }

  /** The listing's text. A request has its own retries; this retries only a text that breaks off. */
  async #page(url: URL, options: ListOptions): Promise<{ html: string; url: URL } | "missing"> {
    for (let attempt = 1;; attempt++) {
      const answer = await this.#ask(url, {}, options);
      const { status } = answer.response;
      if (status === 404 || status === 410) return discard(answer, "missing");
      if (status !== 200) {
        discard(answer, null);
        throw new SourceUnavailableError(unexpected(answer));
      }
      try {
        return { html: await this.#text(answer, options), url: answer.url };
      } catch (error) {
        if (!(error instanceof TransientError) || attempt >= LISTING_TRIES) throw error;
        await wait(backoffDelayMs(this.#options.backoff, attempt), options.signal);
      }
    }
  }

  async #text(answer: Answer, options: ListOptions): Promise<string> {
    const decoder = new TextDecoder();
    let html = "";
    let size = 0;
    for await (const chunk of bodyChunks(answer, this.#idleTimeout_ms, options.signal)) {
      size += chunk.byteLength;
      if (size > MAX_LISTING_BYTES) {
        throw new PermanentError(
          `the listing at ${answer.url.href} is longer than ${MAX_LISTING_BYTES} bytes`,
          { hint: "GMN_DATA_URL must name a directory with an index, not a file" },
        );
      }
      html += decoder.decode(chunk, { stream: true });
    }
    return html + decoder.decode();
  }

  #opened(
    path: string,
    answer: Answer,
    identity: FileIdentity,
    from: number,
    body: AsyncGenerator<Uint8Array>,
    options: OpenOptions,
  ): OpenedFile {
    const chunks = this.#resumed(path, identity, from, body, options);
    return {
      identity: lastingIdentity(identity, answer.response),
      from,
      chunks,
      async close() {
        // A generator that never started does not run its `finally`, so the answer is aborted here as well.
        await chunks.return(undefined);
        await body.return(undefined);
        answer.abort(new Error("closed"));
      },
    };
  }

  /** The rest of the file from `byteOffset`, if the answer is of the same file; null if it is not. */
  #bodyAt(
    answer: Answer,
    byteOffset: number,
    identity: FileIdentity,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> | null {
    const { response } = answer;
    if (!isSameFile(identityOf(response), identity)) return null;
    const body = bodyChunks(answer, this.#idleTimeout_ms, signal);
    if (response.status === 200) return withoutFirst(body, byteOffset);
    const isRange = response.status === 206 && !isEncoded(response);
    return isRange && contentRange(response)?.start === byteOffset ? body : null;
  }

  async *#resumed(
    path: string,
    identity: FileIdentity,
    from: number,
    first: AsyncGenerator<Uint8Array>,
    options: OpenOptions,
  ): AsyncGenerator<Uint8Array> {
    const url = new URL(path, this.#base);
    let body = first;
    let offset = from;
    let breaks = 0;
    let brokeAt = from;
    for (;;) {
      let broken: SourceUnavailableError;
      try {
        for await (const chunk of body) {
          offset += chunk.byteLength;
          yield chunk;
        }
        const { size_bytes } = identity;
        if (size_bytes === null || offset === size_bytes) return;
        broken = new SourceUnavailableError(
          `${url.href} ended at ${offset} of ${size_bytes} bytes`,
        );
      } catch (error) {
        if (!(error instanceof SourceUnavailableError)) throw error;
        broken = error;
      }
      breaks = offset - brokeAt >= PROGRESS_BYTES ? 1 : breaks + 1;
      brokeAt = offset;
      if (breaks > MAX_BREAKS) throw broken;
      const delay_ms = backoffDelayMs(this.#options.backoff, breaks);
      this.#options.observe("source.retry", {
        url: url.href,
        reason: broken.message,
        attempt: breaks,
        delay_ms,
      });
      await wait(delay_ms, options.signal);
      body = await this.#resume(url, identity, offset, broken, options);
    }
  }

  async #resume(
    url: URL,
    identity: FileIdentity,
    offset: number,
    broken: SourceUnavailableError,
    options: OpenOptions,
  ): Promise<AsyncGenerator<Uint8Array>> {
    const headers = rangeHeaders(identity, offset);
    if (headers === null) throw broken; // nothing identifies it as the same file
    const answer = await this.#ask(url, headers, options);
    const body = this.#bodyAt(answer, offset, identity, options.signal);
    if (body !== null) return body;
    discard(answer, null);
    throw new FileChangedError(
      `${url.href} changed while it was read (at byte ${offset}: status ${answer.response.status})`,
    );
  }
}

function unexpected({ url, response }: Answer): string {
  return `${url.href} answered ${response.status} to a plain request`;
}

/** Discards an answer whose body is not read. */
function discard<T>(answer: Answer, result: T): T {
  answer.abort(new Error("not needed"));
  return result;
}

function conditionHeaders(identity: FileIdentity | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  if (identity?.etag) headers["if-none-match"] = identity.etag;
  if (identity?.lastModified) headers["if-modified-since"] = identity.lastModified;
  return headers;
}

/** Headers for the bytes from `byteOffset` of exactly this file; null when nothing identifies it strongly enough. */
function rangeHeaders(identity: FileIdentity, byteOffset: number): Record<string, string> | null {
  // If-Range takes strong ETags only (RFC 9110, section 13.1.5).
  const isStrong = identity.etag !== null && !identity.etag.startsWith("W/");
  const validator = isStrong ? identity.etag : identity.lastModified;
  return validator === null ? null : { range: `bytes=${byteOffset}-`, "if-range": validator };
}

function identityOf(response: Response): FileIdentity {
  const size_bytes = response.status === 206
    ? contentRange(response)?.total ?? null
    : isEncoded(response)
    ? null
    : contentLength(response);
  return {
    size_bytes,
    etag: response.headers.get("etag"),
    lastModified: response.headers.get("last-modified"),
    listed: null,
  };
}

/**
 * The identity to remember. Of a file that was written less than two seconds before it was sent, validators are left out: they have
 * seconds (GMN's ETag too), so a version written a moment later, of the same size, would have the same ones and be taken for this one
 * for ever (RFC 9110, section 8.8.2.2). Such a file is read once more by the next run that takes it; so is one with a time to come.
 */
function lastingIdentity(identity: FileIdentity, response: Response): FileIdentity {
  const sent = Date.parse(response.headers.get("date") ?? "");
  const written = Date.parse(identity.lastModified ?? "");
  return sent - written < SETTLED_AFTER_MS
    ? { ...identity, etag: null, lastModified: null }
    : identity;
}

function contentRange(response: Response): { start: number; total: number | null } | null {
  const header = response.headers.get("content-range") ?? "";
  const found = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header);
  if (found === null) return null;
  return { start: Number(found[1]), total: found[2] === "*" ? null : Number(found[2]) };
}

/** The chunks without their first `count` bytes. */
async function* withoutFirst(
  chunks: AsyncIterable<Uint8Array>,
  count: number,
): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of chunks) {
    if (left >= chunk.byteLength) left -= chunk.byteLength;
    else {
      yield left === 0 ? chunk : chunk.subarray(left);
      left = 0;
    }
  }
}
