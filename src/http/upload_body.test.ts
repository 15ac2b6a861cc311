import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import { openUploadBody } from "./upload_body.ts";

const LIMITS = { lines: 3, bytes: 40, idle_ms: 50 };

function bodyOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return new Blob(chunks).stream();
}
const text = async (chunks: AsyncIterable<Uint8Array>) =>
  Buffer.concat(await Array.fromAsync(chunks)).toString();

test.each([
  ["# comment", "summary"],
  ["\r\n\n  20240812", "summary"],
  ['{"a":1}', "json"],
  [" \n[{}]", "json"],
])("%j is a %s", async (body, format) => {
  const opened = await openUploadBody(bodyOf(body), LIMITS);
  expect(opened.format).toBe(format);
  expect(await text(opened.chunks)).toBe(body);
  expect(opened.failure()).toBeNull();
});

test.each([["none", null], ["blanks", bodyOf(" \n ")]])(
  "a body of %s is refused",
  async (_, body) => {
    await expect(openUploadBody(body, LIMITS)).rejects.toMatchObject({ type: "bad-request" });
  },
);

test.each([["lines", "a\n".repeat(4)], ["bytes", "a".repeat(41)]])(
  "one with too many %s is aborted, with the reason",
  async (_, body) => {
    const opened = await openUploadBody(bodyOf(body), LIMITS);
    await expect(text(opened.chunks)).rejects.toMatchObject({ type: "too-large" });
    expect(opened.failure()?.type).toBe("too-large");
  },
);

test("a stalled one is cancelled; time in which it is not read does not count", async () => {
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  let sent = 0;
  const stalling = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent++ >= 2) return new Promise<void>(() => {});
      controller.enqueue(new TextEncoder().encode("line\n"));
      return Promise.resolve();
    },
    cancel: () => resolve(),
  }, { highWaterMark: 0 });
  const opened = await openUploadBody(stalling, LIMITS);
  const chunks = opened.chunks[Symbol.asyncIterator]();
  await chunks.next();
  await chunks.next();
  await expect(chunks.next()).rejects.toMatchObject({ type: "timeout" });
  await cancelled;
});
