import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeRecordBatch } from "./record_batch_encoder.ts";
import { decodeRecords } from "./record_decoder.ts";
import { CorruptBatchError } from "./record_walk.ts";

const bytes = fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some));

/** The head of a plain batch. */
const head = {
  baseOffset: 0n,
  baseTimestamp_ms: 0,
  maxTimestamp_ms: 0,
  isLogAppendTime: false,
  lastOffsetDelta: 200,
};

describe("records", () => {
  test("with lengths that point outside are refused, and nothing outside is read", () => {
    fc.assert(fc.property(bytes, fc.integer({ min: 1, max: 10 }), (some, count) => {
      try {
        for (
          const { key, value, headers } of decodeRecords(
            some,
            { ...head, recordCount: count },
            (record) => record,
          )
        ) {
          expect((key?.length ?? 0) + (value?.length ?? 0)).toBeLessThanOrEqual(some.length);
          expect(headers).toBeDefined();
        }
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptBatchError);
      }
    }));
  });
});

test("a varint that is too long is refused like any other malformed number", () => {
  const endless = [...new Uint8Array(150).fill(0x80), 0];
  // Size (156), attributes, time, offset delta, no key, no value, no headers.
  const record = Buffer.from([0xb8, 0x02, 0, 0, ...endless, 1, 1, 0]);
  const read = () => decodeRecords(record, { ...head, recordCount: 1 }, (each) => each);
  expect(read).toThrow(CorruptBatchError);
  expect(read).toThrow("more than ten bytes");
});

test("repeated header values share one buffer, others get their own", () => {
  const records = Array.from({ length: 3_000 }, (_, at) => ({
    value: null,
    offsetDelta: at,
    headers: {
      run: "the same",
      line: String(at),
      file: `file ${Math.floor(at / 500)}`,
      long: "x".repeat(300),
    },
  }));
  const batch = encodeRecordBatch(
    {
      attributes: 0,
      lastOffsetDelta: records.length - 1,
      firstTimestamp: 0,
      maxTimestamp: 0,
      producerId: -1n,
      producerEpoch: 0,
      firstSequence: 0,
    },
    records,
  );
  const messages = decodeRecords(batch.subarray(61), {
    ...head,
    lastOffsetDelta: records.length - 1,
    recordCount: records.length,
  }, (record) => record);
  const seen = messages.map(({ headers }) => headers);
  expect(seen.map(({ run, line, file, long }) => [run, line, file, long].map(String))).toEqual(
    records.map(({ headers: { run, line, file, long } }) => [run, line, file, long]),
  );
  expect(new Set(seen.slice(1).map(({ run }) => run)).size).toBe(1);
  expect(new Set(seen.map(({ file }) => file)).size).toBe(6);
  // The shared value is a copy: it does not keep the batch in memory.
  expect((seen[0]!.run as Buffer).buffer).not.toBe(batch.buffer);
});
