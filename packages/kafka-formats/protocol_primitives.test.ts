import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MalformedRequest, Reader } from "./protocol_reader.ts";
import { Writer } from "./protocol_writer.ts";

/** One field: how it is written, and what must be read back. */
type Field = [write: (w: Writer) => void, read: (r: Reader) => unknown, value: unknown];

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.integer({ min: -128, max: 127 }).map((n): Field => [(w) => w.int8(n), (r) => r.int8(), n]),
  fc.integer({ min: -32768, max: 32767 }).map((n): Field => [
    (w) => w.int16(n),
    (r) => r.int16(),
    n,
  ]),
  fc.integer().map((n): Field => [(w) => w.int32(n), (r) => r.int32(), n]),
  fc.maxSafeInteger().map((n): Field => [(w) => w.int64(n), (r) => r.int64(), n]),
  fc.boolean().map((b): Field => [(w) => w.boolean(b), (r) => r.boolean(), b]),
  fc.option(fc.string({ unit: "grapheme" })).map((s): Field => [
    (w) => w.string(s),
    (r) => r.nullableString(),
    s,
  ]),
  fc.uint8Array().map((b): Field => [(w) => w.bytesField(b), (r) => r.bytesField(), b]),
  fc.array(fc.uint8Array()).map((parts): Field => [
    (w) => w.bytesOf(parts),
    (r) => r.bytesField(),
    Uint8Array.from(parts.flatMap((part) => [...part])),
  ]),
  fc.array(fc.integer()).map((ns): Field => [
    (w) => w.array(ns, (n) => w.int32(n)),
    (r) => r.array(() => r.int32()),
    ns,
  ]),
);

function concat(chunks: Uint8Array[]): Uint8Array {
  return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
}

describe("what is written", () => {
  // Up to a few kilobytes: the writer's buffer grows several times, at any field.
  test("is read back, preceded by its total length", () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 200, size: "max" }), (fields) => {
        const writer = new Writer();
        for (const [write] of fields) write(writer);
        const bytes = concat(writer.chunks());
        const reader = new Reader(bytes);
        expect(reader.int32()).toBe(bytes.length - 4);
        for (const [, read, value] of fields) expect(read(reader)).toEqual(value);
        expect(reader.remaining).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

describe("what can't be read", () => {
  const reading = (bytes: number[], read: (r: Reader) => unknown) => () =>
    read(new Reader(Uint8Array.from(bytes)));

  test.each<[string, number[], (r: Reader) => unknown]>([
    ["an integer cut short", [0, 0, 0], (r) => r.int32()],
    ["a string longer than what is left", [0, 5, 65], (r) => r.string()],
    ["a string of negative length", [0xff, 0xfe], (r) => r.string()],
    ["a null string where none may be", [0xff, 0xff], (r) => r.string()],
    ["null bytes where none may be", [0xff, 0xff, 0xff, 0xff], (r) => r.bytesField()],
    ["bytes of negative length", [0x80, 0, 0, 0], (r) => r.nullableBytes()],
    ["two billion elements", [0x7f, 0xff, 0xff, 0xff, 1, 2], (r) => r.array(() => r.int8())],
    ["a negative count", [0xff, 0xff, 0xff, 0xfe], (r) => r.array(() => r.int8())],
  ])("%s is refused", (_, bytes, read) => {
    expect(reading(bytes, read)).toThrow(MalformedRequest);
  });
});
