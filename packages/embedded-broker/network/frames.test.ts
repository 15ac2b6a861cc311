import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MalformedRequest } from "@gmn/kafka-formats";
import { FrameSplitter, MAX_OTHER_REQUEST_BYTES, MAX_PRODUCE_REQUEST_BYTES } from "./frames.ts";

const FETCH = 1;
const PRODUCE = 0;

function head(size: number, apiKey: number): Uint8Array {
  const bytes = new Uint8Array(6);
  new DataView(bytes.buffer).setInt32(0, size);
  new DataView(bytes.buffer).setInt16(4, apiKey);
  return bytes;
}

test("requests are whole and in order, however the bytes are split", () => {
  const body = fc.uint8Array({ minLength: 8, maxLength: 40 }).map((b) => {
    b[0] = 0;
    b[1] = FETCH;
    return b;
  });
  fc.assert(
    fc.property(fc.array(body), fc.array(fc.integer({ min: 1, max: 30 })), (bodies, cuts) => {
      const stream = bodies.flatMap((b) => [0, 0, 0, b.length, ...b]);
      const splitter = new FrameSplitter();
      const frames: Uint8Array[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = cuts[i % Math.max(1, cuts.length)] ?? 7;
        frames.push(...splitter.push(Uint8Array.from(stream.slice(at, at + size))));
        at += size;
      }
      expect(frames.map((frame) => [...frame])).toEqual(bodies.map((b) => [...b]));
      expect(splitter.buffered_bytes).toBe(0);
    }),
  );
});

describe("an impossible size", () => {
  test.each([
    ["negative", -1, FETCH],
    ["too small for a header", 7, FETCH],
    ["too large", MAX_OTHER_REQUEST_BYTES + 1, FETCH],
    ["too large for a Produce", MAX_PRODUCE_REQUEST_BYTES + 1, PRODUCE],
    ["the letters of an HTTP request", 0x47455420, 0x2f20],
  ])("is refused when it is %s, before anything else came", (_, size, key) => {
    expect(() => new FrameSplitter().push(head(size, key))).toThrow(MalformedRequest);
  });

  test("does not include the largest allowed size", () => {
    expect(new FrameSplitter().push(head(MAX_OTHER_REQUEST_BYTES, FETCH))).toEqual([]);
    expect(new FrameSplitter().push(head(MAX_PRODUCE_REQUEST_BYTES, PRODUCE))).toEqual([]);
  });
});
