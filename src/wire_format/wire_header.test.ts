/** Tests that the wire header is written and read correctly. */
import { describe, expect, test } from "vitest";
import { PermanentError } from "@gmn/failures";
import {
  WireFormatError,
  wireSchemaId,
  wireSchemaIdOrNull,
  writeWireHeader,
} from "./wire_header.ts";

describe("the wire header", () => {
  test.each([0, 1, 0x01020304, 4_000_000_000, 2 ** 32 - 1])("round-trips schema id %i", (id) => {
    const bytes = new Uint8Array(8).fill(0xff);
    writeWireHeader(bytes, 2, id);
    expect(wireSchemaId(bytes.subarray(2))).toBe(id);
    expect(wireSchemaIdOrNull(bytes.subarray(2))).toBe(id);
    expect([bytes[0], bytes[1], bytes[7]]).toEqual([0xff, 0xff, 0xff]);
  });

  test.each([
    [[], "no bytes"],
    [[0, 0, 0], "3 bytes beginning with 00 00 00"],
    [[0, 0, 0, 1], "4 bytes beginning with 00 00 00 01"],
    [[1, 0, 0, 0, 1, 0], "6 bytes beginning with 01 00 00 00 01"],
    [[...new TextEncoder().encode('{"id":1}')], "8 bytes beginning with 7b 22"],
  ])("is missing in %j, which the error says", (bytes, message) => {
    expect(() => wireSchemaId(Uint8Array.from(bytes))).toThrow(message);
    expect(() => wireSchemaId(Uint8Array.from(bytes))).toThrow(WireFormatError);
    expect(() => wireSchemaId(Uint8Array.from(bytes))).toThrow(PermanentError);
    expect(wireSchemaIdOrNull(Uint8Array.from(bytes))).toBeNull();
  });

  test("of a tombstone is null", () => {
    expect(wireSchemaIdOrNull(null)).toBeNull();
  });
});
