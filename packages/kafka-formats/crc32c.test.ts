import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32c } from "./crc32c.ts";

const UTF8 = new TextEncoder();

/** Bit by bit, straight from the definition. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

// RFC 3720, appendix B.4.
test.each([
  ["123456789", UTF8.encode("123456789"), 0xe3069283],
  ["32 zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["32 rising", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ["nothing", new Uint8Array(), 0],
])("of %s", (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});

test("equals the definition, for any bytes and any range of them", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(20), fc.nat(20), (bytes, a, b) => {
      const start = Math.min(a, bytes.length);
      const end = Math.max(start, bytes.length - b);
      expect(crc32c(bytes, start, end)).toBe(slowCrc32c(bytes.subarray(start, end)));
    }),
  );
});
