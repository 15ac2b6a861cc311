/**
 * One polite HTTP request, from its turn to the head of the answer: time-outs, redirects, retries.
 *
 * What a status means here:
 *   200, 206, 304, 404, 410, 416      answers; the caller knows what to do
 *   301, 302, 303, 307, 308           followed while it stays the same file on the same host (see `redirectTarget`)
 *   408, 425, 429, 5xx                tried again after a back-off with jitter; `Retry-After` shuts the gate for all requests
 *   anything else                     a PermanentError: asking again will not help
 * A connection that fails or an answer that takes too long is retried like a 5xx.
 */
import { type Backoff, explain, PermanentError, retry, withTimeout } from "@gmn/failures";
import { type Observe } from "../../observe/observe.ts";
import { type Priority, SourceUnavailableError } from "./data_directory.ts";
import type { PoliteGate } from "./polite_gate.ts";

/** Most redirects in a row, before it is considered a loop; browsers allow 20, a data directory needs one or two. */
const MAX_REDIRECTS = 5;
/** Longest `Retry-After` that is obeyed in full; if it is longer, the next attempt comes after this time. */
const MAX_RETRY_AFTER_MS = 15 * 60_000;

/** Time from the start of a request to the head of its answer (connecting included). */
export const RESPONSE_TIMEOUT_MS = 30_000;
/** Attempts per request: 6, with waits of up to 1, 2, 4, 8 and 16 seconds, outlast a server's restart. */
export const REQUEST_BACKOFF: Backoff = { base_ms: 1000, cap_ms: 60_000, attempts: 6 };

const ANSWERS = new Set([200, 206, 304, 404, 410, 416]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const RETRIED = new Set([408, 425, 429]);

export interface HttpRequestOptions {
  readonly gate: PoliteGate;
  readonly userAgent: string;
  readonly responseTimeout_ms: number;
  readonly backoff: Backoff;
  readonly observe: Observe;
}

/** An answer whose body has not been read yet. */
export interface Answer {
  readonly url: URL;
  readonly response: Response;
  /** Aborts reading the body. */
  abort(reason: unknown): void;
}

/**
 * Requests `url`. The caller must read the body of the answer to its end, or abort the answer.
 * @throws SourceUnavailableError after the last attempt; PermanentError; the signal's reason when it aborts
 */
export function request(
  url: URL,
  headers: Readonly<Record<string, string>>,
  priority: Priority,
  signal: AbortSignal | undefined,
  options: HttpRequestOptions,
): Promise<Answer> {
  return retry(() => follow(url, headers, priority, signal, options), {
    backoff: options.backoff,
    signal,
    onRetry: (error, attempt, delay_ms) =>
      options.observe("source.retry", { url: url.href, reason: error.message, attempt, delay_ms }),
  });
}

async function follow(
  start: URL,
  headers: Readonly<Record<string, string>>,
  priority: Priority,
  signal: AbortSignal | undefined,
  options: HttpRequestOptions,
): Promise<Answer> {
  let url = start;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    await options.gate.turn(priority, signal);
    const answer = await ask(url, headers, signal, options);
    const { response } = answer;
    if (ANSWERS.has(response.status)) return answer;
    // The body is not needed; leaving it unread would keep the connection open.
    answer.abort(new Error("not needed"));
    if (REDIRECTS.has(response.status)) {
      url = redirectTarget(url, response.headers.get("location"));
      continue;
    }
    if (RETRIED.has(response.status) || response.status >= 500) {
      const after_ms = retryAfterMs(response.headers.get("retry-after"), Date.now());
      if (after_ms !== null) options.gate.holdOff(Math.min(after_ms, MAX_RETRY_AFTER_MS));
      throw new SourceUnavailableError(`${url.href} answered ${response.status}`, {
        hint: "the source is busy or broken; try again later",
      });
    }
    throw new PermanentError(`${url.href} answered ${response.status} ${response.statusText}`, {
      hint: "check GMN_DATA_URL, and whether the source lets this machine in",
    });
  }
  throw new PermanentError(`${start.href} redirects more than ${MAX_REDIRECTS} times`, {
    hint: "check GMN_DATA_URL; it may need another scheme or host name",
  });
}

async function ask(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
  options: HttpRequestOptions,
): Promise<Answer> {
  const cancel = new AbortController();
  const onLate = () => {
    cancel.abort();
    return new SourceUnavailableError(
      `${url.href} did not answer within ${options.responseTimeout_ms / 1000} s`,
    );
  };
  const stop = () => cancel.abort(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const asked = fetch(url, {
      headers: { "user-agent": options.userAgent, ...headers },
      redirect: "manual",
      signal: cancel.signal,
    });
    const response = await withTimeout(asked, options.responseTimeout_ms, onLate);
    return {
      url,
      response,
      abort(reason) {
        signal?.removeEventListener("abort", stop);
        cancel.abort(reason);
        // An aborted body that nobody reads must not become an unhandled rejection.
        response.body?.cancel(reason).catch(() => {});
      },
    };
  } catch (error) {
    signal?.removeEventListener("abort", stop);
    if (signal?.aborted) throw signal.reason;
    if (error instanceof SourceUnavailableError) throw error;
    throw new SourceUnavailableError(`can't reach ${url.href}: ${lastCause(error)}`, {
      cause: error,
      hint: "check the network and GMN_DATA_URL",
    });
  }
}

/** The last cause that `fetch` reports: "…: client error (Connect): tcp connect error: Connection refused (os error 111)". */
function lastCause(error: unknown): string {
  return explain(error).split(/(?:tcp connect|dns) error: |client error \(\w+\): /).at(-1) ?? "";
}

/**
 * Returns where a redirect leads. The directory may have moved, but only as a whole and on the same host: the host stays, the last
 * segment of the path (the file's name, or the empty one of a folder) stays, and https never becomes http. Any other redirect would
 * fetch a different file from the one requested.
 * @throws PermanentError for a redirect that is not followed
 */
export function redirectTarget(from: URL, location: string | null): URL {
  const refuse = (why: string) =>
    new PermanentError(`${from.href} redirects to ${location ?? "nowhere"}: ${why}`, {
      hint: "if that is where the data is now, set GMN_DATA_URL to it",
    });
  const to = location === null ? null : URL.parse(location, from);
  if (to === null) throw refuse("not a URL");
  if (to.protocol !== "https:" && to.protocol !== "http:") throw refuse("not http or https");
  if (from.protocol === "https:" && to.protocol === "http:") throw refuse("not encrypted");
  const upgraded = from.protocol !== to.protocol && from.port === "" && to.port === "";
  if (to.hostname !== from.hostname || (to.port !== from.port && !upgraded)) {
    throw refuse("another host");
  }
  if (to.username !== "" || to.password !== "") throw refuse("credentials in the URL");
  if (lastSegment(to) !== lastSegment(from)) throw refuse("another file");
  return to;
}

function lastSegment(url: URL): string {
  return url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
}

/** Milliseconds that a `Retry-After` header asks for (seconds or an HTTP date); null when it is absent or invalid. */
export function retryAfterMs(header: string | null, now_ms: number): number | null {
  if (header === null) return null;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now_ms);
}
