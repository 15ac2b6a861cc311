import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UNPACKED_BYTES_MAX } from "@gmn/kafka-formats";
import { encodeRecords, wrapBatch } from "@gmn/kafka-formats/testing";
import type { FetchedMessage } from "./fetched_message.ts";
import { registerCodecs } from "./codecs.ts";
import { decodeBatchAsKafkajs } from "./decode_batches.ts";
import { encodeBatchAsKafkajs } from "./encode_batches.ts";
import { UnreadableMessage } from "./unreadable_message.ts";

registerCodecs();

const require = createRequire(import.meta.url);
const Decoder = require("kafkajs/src/protocol/decoder.js") as new (
  bytes: Buffer,
) => Parameters<typeof decodeBatchAsKafkajs>[0];
const decodeBatch = require(
  "kafkajs/src/protocol/recordBatch/v0/decoder.js",
) as typeof decodeBatchAsKafkajs;

const bytes = fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some));
const records = fc.uniqueArray(
  fc.record({
    offsetDelta: fc.nat(200_000),
    timestampDelta: fc.integer({ min: -(2 ** 31), max: 2 ** 41 }),
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.dictionary(
      fc.string({ minLength: 1, maxLength: 20 }).filter((name) => name !== "__proto__"),
      bytes,
      { maxKeys: 5 },
    ),
  }),
  { minLength: 1, maxLength: 20, selector: ({ offsetDelta }) => offsetDelta },
).map((some) => some.toSorted((a, b) => a.offsetDelta - b.offsetDelta));
const batchOf = (some: { offsetDelta: number }[], head: object = {}) =>
  encodeBatchAsKafkajs({
    firstTimestamp: 1_700_000_000_000,
    maxTimestamp: 1_700_000_000_123,
    lastOffsetDelta: some.at(-1)?.offsetDelta,
    records: some,
    ...head,
  } as never);

const plainRecord = (offsetDelta: number) => ({
  offsetDelta,
  timestampDelta: 0,
  key: Buffer.from("key"),
  value: Buffer.from("a value"),
  headers: {},
});

/** Decodes an unreadable batch to its one message, and checks that no bytes are left. */
async function unreadableOf(bytes: Buffer): Promise<UnreadableMessage> {
  const fetch = new Decoder(bytes);
  const { records: [message, ...more] } = await decodeBatch(fetch);
  expect(more).toEqual([]);
  expect(fetch.offset).toBe(bytes.length);
  if (!(message instanceof UnreadableMessage)) throw new Error("it could be read");
  return message;
}

const plain = ({ offset, timestamp, key, value, headers, isControlRecord }: FetchedMessage) => ({
  offset,
  timestamp,
  key,
  value,
  headers: { ...headers },
  isControlRecord,
});

describe("a batch", () => {
  test("is read as kafkajs reads it, compressed or not", async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.constantFrom(0, 1), async (some, compression) => {
        const encoded = await batchOf(some, { compression });
        const theirs = await decodeBatchAsKafkajs(new Decoder(encoded));
        const ours = await decodeBatch(new Decoder(encoded));
        expect((ours.records as FetchedMessage[]).map(plain)).toEqual(
          (theirs.records as FetchedMessage[]).map(plain),
        );
        const { records: _ours, ...head } = ours;
        expect(theirs).toMatchObject({
          firstOffset: head.firstOffset,
          producerId: head.producerId,
          inTransaction: head.inTransaction,
          lastOffsetDelta: head.lastOffsetDelta,
        });
      }),
    );
  });

  test("with any one bit flipped is unreadable", async () => {
    const encoded = await batchOf([plainRecord(0)]);
    // The checksum covers the bytes after it. The offset and the length before it are set by the broker.
    for (let bit = 21 * 8; bit < encoded.length * 8; bit++) {
      const damaged = Buffer.from(encoded);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const { batch } = await unreadableOf(damaged);
      expect(batch.damage).toEqual(expect.any(Number));
      expect(batch.reason).toMatch(/at offset 0 is damaged: its checksum is \d+/);
      expect(batch.bytes.equals(damaged)).toBe(true);
    }
  });

  const lists = { records: encodeRecords([{ value: "a" }, { value: "b" }]), count: 2 };
  const GZIP = 1, SNAPPY = 2, LZ4 = 3, ZSTD = 4;
  test.each<[string, Uint8Array, number, number, RegExp]>([
    ["an unknown codec", lists.records, 5, 2, /unknown compression codec 5/],
    ["invalid gzip", lists.records, GZIP, 2, /can't be read: .*header/],
    ["truncated gzip", gzipSync(lists.records).subarray(0, 20), GZIP, 2, /unexpected end/],
    ["invalid Snappy", Uint8Array.of(200, 1, 0xff, 0xff), SNAPPY, 2, /Snappy/],
    ["invalid LZ4", lists.records, LZ4, 2, /no LZ4 frame/],
    ["invalid Zstandard", lists.records, ZSTD, 2, /Zstd/],
    ["a gzip bomb", gzipSync(new Uint8Array(UNPACKED_BYTES_MAX + 1)), GZIP, 2, /more than/],
    [
      "a Zstandard bomb",
      zstdCompressSync(new Uint8Array(UNPACKED_BYTES_MAX + 1)),
      ZSTD,
      2,
      /more than/,
    ],
    ["compressed garbage", gzipSync(Uint8Array.of(9, 9, 9)), GZIP, 2, /a record of/],
    ["too few records", lists.records, 0, 3, /ends inside a number/],
    ["too many records", lists.records, 0, 1, /bytes are left behind the 1 records/],
    ["records but a count of 0", lists.records, 0, 0, /left behind the 0 records/],
    [
      "records out of order",
      Buffer.concat([lists.records, encodeRecords([{ value: "c" }])]),
      0,
      3,
      /record 2 has the offset delta 0 behind 1/,
    ],
  ])(
    "with %s is one message, at its last offset",
    async (_what, payload, attributes, recordCount, reason) => {
      const bytes = wrapBatch(payload, [], { attributes, recordCount, lastOffsetDelta: 9 });
      const message = await unreadableOf(Buffer.from(bytes));
      expect(message.batch.reason).toMatch(reason);
      expect(message.batch).toMatchObject({ firstOffset: 0n, lastOffset: 9n, damage: null });
      expect([message.offset, message.isControlRecord]).toEqual(["9", false]);
      expect(message.batch.bytes.equals(bytes)).toBe(true);
    },
  );

  test("that claims to be shorter than its header ends the fetch", async () => {
    const two = Buffer.concat([await batchOf([plainRecord(0)]), await batchOf([plainRecord(0)])]);
    two.writeInt32BE(-7, 8);
    const { batch } = await unreadableOf(two);
    expect(batch.reason).toMatch(/it claims to have -7 bytes/);
    expect(batch.bytes.length).toBe(two.length);
  });

  test("is left for the next fetch when much has been decompressed already", async () => {
    const half = wrapBatch(
      gzipSync(encodeRecords([{ value: new Uint8Array(10 * 1024 * 1024) }])),
      [{}],
      { attributes: GZIP },
    );
    const fetch = new Decoder(Buffer.concat([half, half, half]));
    expect((await decodeBatch(fetch)).records).toHaveLength(1);
    expect((await decodeBatch(fetch)).records).toHaveLength(1);
    await expect(decodeBatch(fetch)).rejects.toMatchObject({ name: "KafkaJSPartialMessageError" });
  });
});
