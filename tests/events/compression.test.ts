/**
 * Decompression of other producers' records: real batches of two clients, and bytes that no client would write.
 */
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { CompressionCodecs, CompressionTypes } from "kafkajs";
import { describe, expect, test } from "vitest";
import { CorruptDataError, UNPACKED_BYTES_MAX, unpackLz4, unpackSnappy } from "@gmn/kafka-formats";
import { registerCodecs } from "../../src/events/kafkajs/codecs.ts";

registerCodecs();

interface Codec {
  compress(): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}
const codecOf = (type: CompressionTypes): Codec =>
  (CompressionCodecs as unknown as Record<number, () => Codec>)[type]!();

/** The values that were written (packed/README.md). */
const LINES = Array.from(
  { length: 800 },
  (_, i) =>
    `${20260811000000 + i * 7};${(i * i) % 997};PER;${
      i % 10 === 0 ? `US000${i * 31 % 89}` : "BE0001"
    };+${(i * 37 % 1000) / 10}`,
);

const packed = (name: string) => readFileSync(new URL(`./packed/${name}`, import.meta.url));

describe.each(["kcat", "java"])("%s", (client) => {
  test.each([
    ["snappy", CompressionTypes.Snappy],
    ["lz4", CompressionTypes.LZ4],
    ["zstd", CompressionTypes.ZSTD],
  ])("%s is unpacked", async (name, type) => {
    const codec = codecOf(type);
    const text = (await codec.decompress(packed(`${client}.${name}`))).toString("latin1");
    let at = 0;
    for (const line of LINES) {
      const found = text.indexOf(line, at);
      expect(found, line).toBeGreaterThanOrEqual(at);
      at = found + line.length;
    }
    // Between the values is the record format: a dozen bytes per record.
    expect(text.length).toBeLessThan(LINES.join("").length + LINES.length * 16);
  });
});

const bytes = (...values: number[]) => Uint8Array.from(values);
const text = (unpacked: Uint8Array) => new TextDecoder().decode(unpacked);
const A = "a".charCodeAt(0);

test.each<[string, Uint8Array, string]>([
  ["nothing", bytes(0), ""],
  ["a literal", bytes(3, 2 << 2, A, A, A), "aaa"],
  ["a literal with its length behind the tag", bytes(2, 60 << 2, 1, A, A), "aa"],
  ["a copy that overlaps what it makes", bytes(11, 0, A, 1 | (6 << 2), 1), "aaaaaaaaaaa"],
  ["a copy with a long distance", bytes(2, 0, A, 3, 1, 0, 0, 0), "aa"],
])("Snappy: %s", (_, block, expected) => {
  expect(text(unpackSnappy(block))).toBe(expected);
});

/** A frame made of these blocks. */
const frame = (flags: number, ...blocks: number[][]) =>
  bytes(
    ...[0x04, 0x22, 0x4d, 0x18, 0x40 | flags, 0x40, 0],
    ...blocks.flatMap((block) => [block.length, 0, 0, 0, ...block]),
    ...[0, 0, 0, 0],
  );

test.each<[string, Uint8Array, string]>([
  ["no frame at all", bytes(), ""],
  ["a literal", frame(0x20, [1 << 4, A]), "a"],
  ["a match that overlaps what it makes", frame(0x20, [1 << 4, A, 1, 0, 0]), "aaaaa"],
  ["a match into the block before", frame(0, [1 << 4, A], [0, 1, 0, 0]), "aaaaa"],
  ["a long match", frame(0x20, [(1 << 4) | 15, A, 1, 0, 255, 1, 0]), "a".repeat(1 + 4 + 15 + 256)],
  [
    "a skipped frame before another",
    bytes(0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9, ...frame(0x20, [1 << 4, A])),
    "a",
  ],
  [
    "a block that is stored as it is",
    bytes(0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0, 1, 0, 0, 0x80, A, 0, 0, 0, 0),
    "a",
  ],
])("LZ4: %s", (_, given, expected) => {
  expect(text(unpackLz4(given))).toBe(expected);
});

test("a decompression bomb is refused", () => {
  const millions = Math.ceil(UNPACKED_BYTES_MAX / 255);
  const lz4 = new Uint8Array(7 + 4 + 4 + millions + 6);
  lz4.set([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0]);
  new DataView(lz4.buffer).setUint32(7, 4 + millions + 2, true);
  lz4.set([(1 << 4) | 15, A, 1, 0], 11);
  lz4.fill(255, 15, 15 + millions);
  expect(() => unpackLz4(lz4)).toThrow(/unpacks to more than/);

  const copies = UNPACKED_BYTES_MAX / 64;
  const snappy = new Uint8Array(2 + 1 + copies * 3);
  snappy.set([1, 0, A]);
  for (let at = 3; at < snappy.length; at += 3) snappy.set([2 | (63 << 2), 1, 0], at);
  expect(() => unpackSnappy(snappy)).toThrow(/unpacks to more than/);
});

test.each([
  ["snappy", unpackSnappy],
  ["lz4", unpackLz4],
])("damaged %s is either unpacked or refused", (name, unpack) => {
  const whole = ["kcat", "java"].map((client) => packed(`${client}.${name}`));
  fc.assert(
    fc.property(
      fc.constantFrom(...whole),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      fc.nat(),
      (original, damages, cut) => {
        const damaged = Uint8Array.from(original.subarray(0, cut % (original.length + 1)));
        for (const [at, value] of damages) {
          if (damaged.length > 0) damaged[at % damaged.length] = value;
        }
        try {
          unpack(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptDataError);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("records are never written with these codecs", async () => {
  await expect(codecOf(CompressionTypes.LZ4).compress()).rejects.toThrow(/not written with LZ4/);
});
