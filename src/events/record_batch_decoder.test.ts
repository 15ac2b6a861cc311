import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import "./kafkajs_mend.ts";
import { decodeBatchAsKafkajs } from "./kafkajs_decode_mend.ts";
import { encodeBatchAsKafkajs } from "./kafkajs_mend.ts";
import { CorruptBatchError, decodeRecords, FetchedMessage } from "./record_batch_decoder.ts";

const require = createRequire(import.meta.url);
const Decoder = require("kafkajs/src/protocol/decoder.js") as new (
  bytes: Buffer,
) => Parameters<typeof decodeBatchAsKafkajs>[0];
const decodeBatch = require(
  "kafkajs/src/protocol/recordBatch/v0/decoder.js",
) as typeof decodeBatchAsKafkajs;

const bytes = fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some));
const records = fc.array(
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
  { minLength: 1, maxLength: 20 },
);
const batchOf = (some: object[], head: object = {}) =>
  encodeBatchAsKafkajs({
    firstTimestamp: 1_700_000_000_000,
    maxTimestamp: 1_700_000_000_123,
    records: some,
    ...head,
  } as never);

const plain = ({ offset, timestamp, key, value, headers, isControlRecord }: FetchedMessage) => ({
  offset,
  timestamp,
  key,
  value,
  headers: { ...headers },
  isControlRecord,
});

describe("a batch", () => {
  test("is read as kafkajs reads it, packed or not", async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.constantFrom(0, 1), async (some, compression) => {
        const encoded = await batchOf(some, { compression });
        const theirs = await decodeBatchAsKafkajs(new Decoder(encoded));
        const ours = await decodeBatch(new Decoder(encoded));
        expect(ours.records.map(plain)).toEqual(theirs.records.map(plain));
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

  test("with one bit flipped is refused, wherever the bit is", async () => {
    const encoded = await batchOf([{
      offsetDelta: 0,
      timestampDelta: 0,
      key: Buffer.from("key"),
      value: Buffer.from("a value"),
      headers: {},
    }]);
    // Behind the checksum; what is before it, the length and the offset, is the broker's to say.
    for (let bit = 21 * 8; bit < encoded.length * 8; bit++) {
      const damaged = Buffer.from(encoded);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      await expect(decodeBatch(new Decoder(damaged))).rejects.toThrow(CorruptBatchError);
    }
  });
});

describe("records", () => {
  const context = {
    firstOffset: "0",
    firstTimestamp: "0",
    maxTimestamp: "0",
    timestampType: 0,
    isControlBatch: false,
    producerId: "-1",
    inTransaction: false,
  };

  test("whose lengths lead nowhere are refused, and nothing is read outside of them", () => {
    fc.assert(fc.property(bytes, fc.integer({ min: 1, max: 10 }), (some, count) => {
      try {
        for (const { key, value, headers } of decodeRecords(some, count, context)) {
          expect((key?.length ?? 0) + (value?.length ?? 0)).toBeLessThanOrEqual(some.length);
          expect(headers).toBeDefined();
        }
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptBatchError);
      }
    }));
  });
});
