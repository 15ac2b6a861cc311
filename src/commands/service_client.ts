/** A client of a running service for commands: over HTTP, on this machine or elsewhere. */
import { explain, PermanentError, retry, TransientError } from "@gmn/failures";
import type { PreviewedFile } from "../http/run_schemas.ts";
import type { ServiceStatus } from "../http/status_schemas.ts";
import type { RunDetail } from "../runs/run_schemas.ts";

/** The answer of a service that refused a request. */
export class RefusedError extends PermanentError {
  override readonly name = "RefusedError";
  constructor(readonly status: number, message: string, hint?: string) {
    super(message, { hint });
  }
}

/** Longest wait for an answer: `/status` itself waits three seconds for a database. A service that takes longer hangs. */
const ANSWER_MS = 10_000;
/** The same for a preview, which fetches up to three listings from the source, ten seconds apart. */
const PREVIEW_MS = 90_000;
/** A service that restarts is unavailable for some seconds; a longer outage is reported. */
const BACKOFF = { base_ms: 500, cap_ms: 5_000, attempts: 8 };

/** A POST request. */
interface Post {
  readonly body: unknown;
  readonly key?: string;
  readonly answer_ms?: number;
}

export class ServiceClient {
  readonly #base: URL;
  readonly #token: string | null;
  readonly #onRetry: (reason: string) => void;
  /** Whether the service has ever answered. One that never did is not waited for. */
  #hasAnswered = false;

  /** `url` is http or https; `onRetry` is called with the reason when a request is repeated. */
  constructor(url: string, token: string | null, onRetry: (reason: string) => void = () => {}) {
    this.#base = new URL(url.endsWith("/") ? url : `${url}/`);
    this.#token = token;
    this.#onRetry = onRetry;
  }

  /** The address of the service, without a trailing slash. */
  get url(): string {
    return this.#base.href.replace(/\/$/, "");
  }

  /** Requests a run and returns its id. A request repeated after a lost answer still makes only one run. */
  async request(path: "backfill" | "extract", body: unknown, signal: AbortSignal): Promise<string> {
    const key = crypto.randomUUID();
    const answer = await this.#ask<{ run_id: string }>(path, signal, { body, key });
    return answer.run_id;
  }

  /** The files that a backfill would take. */
  preview(
    body: unknown,
    signal: AbortSignal,
  ): Promise<{ files: PreviewedFile[]; nothing: string | null }> {
    return this.#ask("backfill?dry_run=true", signal, { body, answer_ms: PREVIEW_MS });
  }

  /** The state of the service. */
  status(signal: AbortSignal): Promise<ServiceStatus> {
    return this.#ask("status", signal);
  }

  /** A run with its files. */
  run(id: string, signal: AbortSignal): Promise<RunDetail> {
    return this.#ask(`runs/${id}`, signal);
  }

  #ask<Answer>(
    path: string,
    signal: AbortSignal,
    post?: Post,
  ): Promise<Answer> {
    return retry(() => this.#askOnce<Answer>(path, signal, post), {
      backoff: this.#hasAnswered ? BACKOFF : { ...BACKOFF, attempts: 1 },
      signal,
      onRetry: (error) => this.#onRetry(error.message),
    });
  }

  async #askOnce<Answer>(
    path: string,
    signal: AbortSignal,
    post?: Post,
  ): Promise<Answer> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (this.#token !== null) headers.authorization = `Bearer ${this.#token}`;
    if (post !== undefined) headers["content-type"] = "application/json";
    if (post?.key !== undefined) headers["idempotency-key"] = post.key;
    const patience_ms = post?.answer_ms ?? ANSWER_MS;
    const late = AbortSignal.timeout(patience_ms);
    let response: Response;
    let text: string;
    try {
      response = await fetch(new URL(path, this.#base), {
        method: post === undefined ? "GET" : "POST",
        headers,
        body: post === undefined ? undefined : JSON.stringify(post.body),
        signal: AbortSignal.any([signal, late]),
      });
      text = await response.text();
      this.#hasAnswered = true;
    } catch (error) {
      signal.throwIfAborted();
      if (late.aborted) {
        throw new TransientError(`no answer from ${this.url} within ${patience_ms / 1000} s`, {
          hint:
            "the program that listens there is frozen, very busy, or not this service; its log may say more",
        });
      }
      throw new TransientError(`no answer from ${this.url}: ${explain(error)}`, {
        cause: error,
        hint: "start the service (deno task start), or name another one with --server URL",
      });
    }
    if (response.ok) return parse<Answer>(text, this.url);
    throw refusal(response.status, text, this.url);
  }
}

function parse<Answer>(text: string, url: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch (error) {
    throw new PermanentError(`${url} does not answer in JSON: it is another kind of server`, {
      cause: error,
    });
  }
}

function refusal(status: number, text: string, url: string): Error {
  const detail = detailOf(text) ?? `${url} answered ${status}`;
  if (status >= 500) return new TransientError(detail);
  const hint = status === 404
    ? "--server is the address of the service's API; is another program listening there?"
    : status === 401
    ? "set API_TOKEN, in the environment or in .env, to the token that the service was started with"
    : undefined;
  return new RefusedError(status, detail, hint);
}

/** The reason in a problem+json body, null when it has none. */
function detailOf(text: string): string | null {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    return typeof detail === "string" ? detail : null;
  } catch {
    return null;
  }
}
