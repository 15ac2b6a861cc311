import { ErrorCode, stampBatch } from "@gmn/kafka-formats";
import { describe, expect, test } from "vitest";
import { makeBatch, withCrc, wrapBatch } from "@gmn/kafka-formats/testing";
import {
  checkProducedBatch,
  findByTimestamp,
  readStoredBatch,
  recordsOf,
} from "./produced_batch.ts";

const MAX_BYTES = 10_000;
const records = [
  { key: "a", value: "1", timestamp_ms: 1000 },
  { key: null, value: null, timestamp_ms: 3000 },
  { value: "3", timestamp_ms: 2000 },
];

describe("a produced batch", () => {
  test("is read from its header", () => {
    const batch = makeBatch(records, { producerId: 7, producerEpoch: 1, baseSequence: 42 });
    expect(checkProducedBatch(batch, MAX_BYTES)).toMatchObject({
      bytes: batch,
      recordCount: 3,
      baseTimestamp_ms: 1000,
      maxTimestamp_ms: 3000,
      compression: 0,
      producerId: 7,
      producerEpoch: 1,
      baseSequence: 42,
    });
  });

  test("is accepted compressed without being decompressed", () => {
    const batch = wrapBatch(new Uint8Array([1, 2, 3]), records, { attributes: 3 });
    expect(checkProducedBatch(batch, MAX_BYTES).compression).toBe(3);
  });

  const edited = (edit: (view: DataView) => void, crc = true): Uint8Array => {
    const batch = makeBatch(records);
    edit(new DataView(batch.buffer));
    return crc ? withCrc(batch) : batch;
  };
  const two = new Uint8Array([...makeBatch(records), ...makeBatch(records)]);

  test.each<[string, Uint8Array, ErrorCode]>([
    ["of nothing", new Uint8Array(), ErrorCode.CORRUPT_MESSAGE],
    ["cut in its header", makeBatch(records).slice(0, 60), ErrorCode.CORRUPT_MESSAGE],
    ["cut in its records", makeBatch(records).slice(0, -1), ErrorCode.CORRUPT_MESSAGE],
    [
      "with a flipped bit",
      edited((v) => v.setUint8(70, v.getUint8(70) ^ 1), false),
      ErrorCode.CORRUPT_MESSAGE,
    ],
    ["followed by another", two, ErrorCode.INVALID_RECORD],
    ["of format 1", edited((v) => v.setInt8(16, 1)), ErrorCode.INVALID_RECORD],
    ["with a control bit", makeBatch(records, { attributes: 0x20 }), ErrorCode.INVALID_RECORD],
    ["of a transaction", makeBatch(records, { attributes: 0x10 }), ErrorCode.INVALID_RECORD],
    ["with LogAppendTime", makeBatch(records, { attributes: 0x08 }), ErrorCode.INVALID_RECORD],
    ["without records", makeBatch([]), ErrorCode.INVALID_RECORD],
    ["with a wrong count", makeBatch(records, { recordCount: 4 }), ErrorCode.INVALID_RECORD],
    [
      "with one record too few",
      makeBatch(records, { recordCount: 4, lastOffsetDelta: 3 }),
      ErrorCode.INVALID_RECORD,
    ],
    [
      "with one record too many",
      makeBatch(records, { recordCount: 2, lastOffsetDelta: 1 }),
      ErrorCode.INVALID_RECORD,
    ],
    [
      "with a record that extends past the end",
      edited((v) => v.setUint8(61, 0x7e)),
      ErrorCode.INVALID_RECORD,
    ],
    ["with a wrong offset delta", edited((v) => v.setUint8(64, 8)), ErrorCode.INVALID_RECORD],
    ["with an id but no sequence", makeBatch(records, { producerId: 1 }), ErrorCode.INVALID_RECORD],
    ["of an unknown compression", makeBatch(records, { attributes: 6 }), ErrorCode.INVALID_RECORD],
    [
      "that is too large",
      makeBatch([{ value: "x".repeat(MAX_BYTES) }]),
      ErrorCode.MESSAGE_TOO_LARGE,
    ],
  ])("%s is refused", (_, bytes, code) => {
    expect(() => checkProducedBatch(bytes, MAX_BYTES)).toThrow(expect.objectContaining({ code }));
  });

  test("keeps its checksum when it is stamped", () => {
    const batch = makeBatch(records);
    stampBatch(batch, 2 ** 40 + 5, 0);
    expect(new DataView(batch.buffer).getBigInt64(0)).toBe(2n ** 40n + 5n);
    expect(() => checkProducedBatch(batch, MAX_BYTES)).not.toThrow();
  });
});

describe("a search by time", () => {
  const batch = readStoredBatch(makeBatch(records));
  const find = (timestamp_ms: number, fromDelta = 0) =>
    findByTimestamp(batch, recordsOf(batch), timestamp_ms, fromDelta);

  test("returns the first record that is late enough, in order of offsets", () => {
    expect(find(0)).toEqual({ offsetDelta: 0, timestamp_ms: 1000 });
    expect(find(1001)).toEqual({ offsetDelta: 1, timestamp_ms: 3000 });
    expect(find(3001)).toBeNull();
  });

  test("skips records below the start", () => {
    expect(find(0, 2)).toEqual({ offsetDelta: 2, timestamp_ms: 2000 });
    expect(find(2001, 2)).toBeNull();
  });
});
