import { Buffer } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeRecordBatch } from "@gmn/kafka-formats";
import { encodeBatchAsKafkajs, type KafkajsBatch } from "./encode_batches.ts";

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const text = fc.string({ unit: "binary", maxLength: 200 });
const record = fc.record({
  key: fc.oneof(fc.constant(null), text, bytes),
  value: fc.oneof(fc.constant(null), bytes),
  headers: fc.dictionary(
    text,
    fc.oneof(text, bytes, fc.array(fc.oneof(text, bytes), { minLength: 1, maxLength: 3 })),
    {
      maxKeys: 5,
      noNullPrototype: true,
    },
  ),
  offsetDelta: fc.nat(10_000),
  timestampDelta: fc.nat(2 ** 31 - 1),
});

test("our encoder and kafkajs's own write the same bytes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { maxLength: 20 }), async (records) => {
      const batch = {
        lastOffsetDelta: Math.max(0, records.length - 1),
        firstTimestamp: 1_700_000_000_000,
        maxTimestamp: 1_700_000_000_999,
        records,
      } satisfies KafkajsBatch;
      const ours = encodeRecordBatch(
        { ...batch, attributes: 0, producerId: -1n, producerEpoch: 0, firstSequence: 0 },
        records,
      );
      expect(ours.toString("hex")).toBe((await encodeBatchAsKafkajs(batch)).toString("hex"));
    }),
    { numRuns: 200 },
  );
});
