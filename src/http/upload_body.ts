/**
 * The body of an upload as it comes: what it is by its first byte, and the limits that take the place of a size.
 */
import { withTimeout } from "@gmn/failures";
import { Problem } from "./problem.ts";

/** More lines than the whole network's history has, with its empty lines. */
export const UPLOAD_LINES_MAX = 20_000_000;
/** Several times that history. */
export const UPLOAD_BYTES_MAX = 16 * 1024 ** 3;
/** A sender that sends nothing for this long has gone. The time that we don't read (back-pressure) does not count. */
export const UPLOAD_IDLE_MS_MAX = 60_000;

const SPACE = 0x20, LF = 0x0a, OPEN_ARRAY = 0x5b, OPEN_OBJECT = 0x7b;

export interface UploadLimits {
  readonly lines: number;
  readonly bytes: number;
  readonly idle_ms: number;
}

const LIMITS: UploadLimits = {
  lines: UPLOAD_LINES_MAX,
  bytes: UPLOAD_BYTES_MAX,
  idle_ms: UPLOAD_IDLE_MS_MAX,
};

export interface UploadBody {
  readonly format: "summary" | "json";
  /** The whole body, the bytes that were looked at included. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Which limit ended it; null while none did. */
  failure(): Problem | null;
}

/**
 * Looks at the beginning of a body; no more of it is read before `chunks` is.
 * @throws Problem when there is nothing in it, or nothing comes
 */
export async function openUploadBody(
  body: ReadableStream<Uint8Array> | null,
  limits: UploadLimits = LIMITS,
): Promise<UploadBody> {
  const reader = body?.getReader();
  const seen: Uint8Array[] = [];
  for (;;) {
    const { done, value } = reader === undefined
      ? { done: true, value: undefined }
      : await nextChunk(reader, limits.idle_ms);
    if (done || value === undefined) {
      throw new Problem(
        "bad-request",
        "the body is empty; send a summary file or JSON records: curl --data-binary @FILE",
      );
    }
    seen.push(value);
    const first = value.find((byte) => byte > SPACE);
    if (first === undefined) continue;
    let failure: Problem | null = null;
    return {
      format: first === OPEN_ARRAY || first === OPEN_OBJECT ? "json" : "summary",
      chunks: limited(seen, reader!, limits, (problem) => failure = problem),
      failure: () => failure,
    };
  }
}

async function* limited(
  seen: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { lines, bytes, idle_ms }: UploadLimits,
  onFailure: (problem: Problem) => void,
): AsyncGenerator<Uint8Array> {
  let linesRead = 0;
  let bytesRead = 0;
  const counted = (chunk: Uint8Array) => {
    bytesRead += chunk.length;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) linesRead++;
    if (linesRead > lines || bytesRead > bytes) {
      throw new Problem(
        "too-large",
        `an upload may have ${lines} lines and ${bytes} bytes at most; send it in parts`,
      );
    }
    return chunk;
  };
  try {
    for (const chunk of seen) yield counted(chunk);
    for (;;) {
      const { done, value } = await nextChunk(reader, idle_ms);
      if (done) return;
      yield counted(value);
    }
  } catch (error) {
    if (error instanceof Problem) onFailure(error);
    throw error;
  } finally {
    // Also when the run ended early: the sender is told with the answer, not by a full buffer.
    await reader.cancel().catch(() => {});
  }
}

function nextChunk(reader: ReadableStreamDefaultReader<Uint8Array>, idle_ms: number) {
  return withTimeout(
    reader.read(),
    idle_ms,
    () => new Problem("timeout", `nothing was sent for ${idle_ms / 1000} s`),
  );
}
