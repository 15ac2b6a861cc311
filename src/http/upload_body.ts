/** The body of an upload as it arrives: its format, by its first byte, and limits, because its size is not known beforehand. */
import { withTimeout } from "@gmn/failures";
import { Problem } from "./problem.ts";

const SPACE = 0x20, LF = 0x0a, OPEN_ARRAY = 0x5b, OPEN_OBJECT = 0x7b;

const LIMITS = {
  /** More lines than the whole network's history has, including empty lines. */
  lines: 20_000_000,
  /** Several times that history. */
  bytes: 16 * 1024 ** 3,
  /** A sender that sends nothing for this long has disconnected. Time in which we don't read (back-pressure) does not count. */
  idle_ms: 60_000,
};
export type UploadLimits = typeof LIMITS;

export interface UploadBody {
  readonly format: "summary" | "json";
  /** The whole body, from its first byte. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The limit that ended the body early; null if none did. */
  failure(): Problem | null;
}

/**
 * Reads the beginning of a body; `chunks` gives all of it.
 * @throws Problem when it is empty, or nothing arrives
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
        `an upload may have at most ${lines} lines and ${bytes} bytes; send it in parts`,
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
    // Also when the run ended early: then the sender learns that from the answer, not from a full buffer.
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
