/**
 * The body of one answer as chunks: a time-out for silence, decoding, and the length checked against what was promised.
 *
 * Files are requested unencoded (`Accept-Encoding: identity`), since `Range` counts bytes of the encoded form. If a server
 * compresses anyway, the body is decoded here: Deno's `fetch` leaves a body as it is when the request set its own `Accept-Encoding:
 * identity` (it decodes only what it, or a request for gzip, asked for).
 */
import { explain, withTimeout } from "@gmn/failures";
import { SourceUnavailableError } from "./data_directory.ts";
import type { Answer } from "./http_request.ts";

/** Longest silence within a body before the connection is considered dead. */
export const IDLE_TIMEOUT_MS = 60_000;

/** Whether the body is compressed. */
export function isEncoded(response: Response): boolean {
  const encoding = response.headers.get("content-encoding");
  return encoding !== null && encoding.trim() !== "" && encoding.trim() !== "identity";
}

/** The announced length of the body in bytes (as sent, so encoded if it is); null when there is none. */
export function contentLength(response: Response): number | null {
  const header = response.headers.get("content-length");
  return header !== null && /^\d+$/.test(header) ? Number(header) : null;
}

/**
 * Yields the decoded bytes of the answer; can be read once.
 * @throws SourceUnavailableError when the connection breaks, is silent for too long, or ends too early
 */
export async function* bodyChunks(
  answer: Answer,
  idleTimeout_ms: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const raw = rawChunks(answer, idleTimeout_ms);
  try {
    yield* isEncoded(answer.response) ? decoded(raw, answer) : raw;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof SourceUnavailableError) throw error;
    throw new SourceUnavailableError(`${answer.url.href} broke off: ${explain(error)}`, {
      cause: error,
    });
  } finally {
    answer.abort(new Error("reading ended"));
  }
}

async function* rawChunks(answer: Answer, idleTimeout_ms: number): AsyncGenerator<Uint8Array> {
  const { response, url } = answer;
  if (response.body === null) return;
  const silence = new SourceUnavailableError(
    `${url.href} sent nothing for ${idleTimeout_ms / 1000} s`,
  );
  const promised = contentLength(response);
  let received = 0;
  const reader = response.body.getReader();
  try {
    for (;;) {
      // The time-out covers only the wait for the source, not the time that the reader of the file needs.
      const { done, value } = await withTimeout(reader.read(), idleTimeout_ms, () => {
        answer.abort(silence);
        return silence;
      });
      if (done) break;
      received += value.byteLength;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
  if (promised !== null && received !== promised) {
    throw new SourceUnavailableError(`${url.href} sent ${received} of ${promised} bytes`);
  }
}

function decoded(raw: AsyncIterable<Uint8Array>, answer: Answer): AsyncIterable<Uint8Array> {
  const encoding = answer.response.headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding !== "gzip" && encoding !== "x-gzip" && encoding !== "deflate") {
    throw new SourceUnavailableError(
      `${answer.url.href} is encoded as ${encoding}, which was not requested`,
      { hint: "the server ignores Accept-Encoding: identity" },
    );
  }
  const format = encoding === "deflate" ? "deflate" : "gzip";
  return ReadableStream.from(raw as AsyncIterable<BufferSource>)
    .pipeThrough(new DecompressionStream(format));
}
