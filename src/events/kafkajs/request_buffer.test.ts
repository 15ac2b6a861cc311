import { Buffer } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Encoder, EncoderClass, PIECE_BYTES_MIN } from "./request_buffer.ts";

/** A part to write: bytes, or a nested encoder with parts of its own. */
type Part = Buffer | Part[];

const SIZES = [0, 1, 7, 600, PIECE_BYTES_MIN - 1, PIECE_BYTES_MIN, 70_000];
const bytes = fc.tuple(fc.constantFrom(...SIZES), fc.nat(255)).map(([size, fill]) =>
  Buffer.alloc(size, fill)
);
const { parts } = fc.letrec<{ part: Part; parts: Part[] }>((tie) => ({
  part: fc.oneof({ maxDepth: 4 }, bytes, tie("parts")),
  parts: fc.array(tie("part"), { maxLength: 5 }),
}));

function write(parts: Part[], encoder: Encoder): Encoder {
  for (const part of parts) {
    if (Array.isArray(part)) encoder.writeEncoder(write(part, new EncoderClass()));
    else encoder.writeBufferInternal(part);
  }
  return encoder;
}
const flat = (parts: Part[]): Buffer =>
  Buffer.concat(parts.map((part) => Array.isArray(part) ? flat(part) : part));

test("bytes and size are right for any nesting of encoders", () => {
  fc.assert(
    fc.property(parts, parts, (before, after) => {
      const encoder = write(before, new EncoderClass());
      expect(encoder.size()).toBe(flat(before).length);
      expect(encoder.buffer.equals(flat(before))).toBe(true);
      // More can be written after the bytes were read.
      write(after, encoder);
      const all = flat([...before, ...after]);
      expect(encoder.size()).toBe(all.length);
      expect(encoder.buffer.equals(all)).toBe(true);
      expect(encoder.buffer.equals(all)).toBe(true);
    }),
  );
});

test("refuses a value that is not an encoder", () => {
  expect(() => new EncoderClass().writeEncoder({} as Encoder)).toThrow(/instance of Encoder/);
  expect(() => new EncoderClass().writeEncoderArray(7 as unknown as Encoder[])).toThrow(
    /Encoder\[\]/,
  );
});
