/**
 * The bodies of all calls except uploads: small, and read completely before the call begins. A client that sends one byte at a time
 * can't keep a call open.
 */
import { Buffer } from "node:buffer";
import type { MiddlewareHandler } from "hono";
import { withTimeout } from "@gmn/failures";
import { Problem } from "./problem.ts";

/** No call needs more than a few hundred bytes of JSON. */
export const BODY_BYTES_MAX = 64 * 1024;
/** A hundred times the time that the slowest line still in use needs. */
const BODY_MS_MAX = 10_000;

/** Reads the body, or answers 413 or 408. */
export function smallBody(most_bytes = BODY_BYTES_MAX, most_ms = BODY_MS_MAX): MiddlewareHandler {
  return async (context, next) => {
    const request = context.req.raw;
    if (request.body !== null) {
      const bytes = await readWhole(request.body, most_bytes, most_ms);
      // A new request, not a copy: a copy inherits the signal, which Deno aborts after every answer.
      const { url, method, headers } = request;
      context.req.raw = new Request(url, { method, headers, body: bytes });
    }
    await next();
  };
}

async function readWhole(
  body: ReadableStream<Uint8Array>,
  most_bytes: number,
  most_ms: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const readAll = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      chunks.push(value);
      size += value.length;
      if (size > most_bytes) {
        throw new Problem("too-large", `a request body may have at most ${most_bytes} bytes`);
      }
    }
  };
  try {
    await withTimeout(
      readAll(),
      most_ms,
      () => new Problem("timeout", `the body did not arrive within ${most_ms / 1000} s`),
    );
  } catch (error) {
    await reader.cancel().catch(() => {});
    throw error;
  }
  return Buffer.concat(chunks);
}
