import fc from "fast-check";
import kafkajsMurmur2 from "kafkajs/src/producer/partitioners/default/murmur2.js";
import { expect, test } from "vitest";
import { createKeyPartitioner, murmur2 } from "./key_partitioner.ts";

test("murmur2 returns the hashes that Kafka's own tests expect", () => {
  // org.apache.kafka.common.utils.UtilsTest.testMurmur2
  const cases: [string, number][] = [
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ];
  for (const [key, hash] of cases) expect(murmur2(new TextEncoder().encode(key))).toBe(hash);
});

test("murmur2 equals kafkajs's for any key", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 64 }), (key) => {
      expect(murmur2(new TextEncoder().encode(key))).toBe(Number(kafkajsMurmur2(key)) | 0);
    }),
  );
});

test("a key always goes to the same partition; records without a key rotate", () => {
  const partitioner = createKeyPartitioner(3);
  const first = partitioner("20220304220741_yrPTs");
  expect(partitioner("20220304220741_yrPTs")).toBe(first);
  expect([partitioner(null), partitioner(null), partitioner(null)]).toEqual([0, 1, 2]);
});
