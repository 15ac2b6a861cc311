/**
 * The header of every value on the topics, in Confluent's wire format: a zero byte and the schema id as four bytes, big-endian. The
 * Avro binary follows (docs.confluent.io, "Wire format" of the schema registry's serializers). The codecs of whole values are in
 * `trajectory/codec.ts` (the hot path) and `events/wire_values.ts` (all other topics).
 */
import { PermanentError } from "@gmn/failures";

/** Bytes before the Avro body. */
export const WIRE_HEADER_BYTES = 5;
const MAGIC = 0;

/** The bytes do not begin with a wire header. */
export class WireFormatError extends PermanentError {
  override readonly name = "WireFormatError";
}

/** Writes the header at `bytes[at]`. */
export function writeWireHeader(bytes: Uint8Array, at: number, schemaId: number): void {
  bytes[at] = MAGIC;
  for (let i = 1; i < WIRE_HEADER_BYTES; i++) bytes[at + i] = schemaId >>> (32 - 8 * i);
}

/**
 * The id of the schema that a value was written with.
 * @throws WireFormatError if the value has no wire header: too short, or another first byte
 */
export function wireSchemaId(bytes: Uint8Array): number {
  if (bytes.length < WIRE_HEADER_BYTES || bytes[0] !== MAGIC) throw notInWireFormat(bytes);
  return ((bytes[1]! << 24) | (bytes[2]! << 16) | (bytes[3]! << 8) | bytes[4]!) >>> 0;
}

/** The same, but null for a tombstone or a value without a wire header. */
export function wireSchemaIdOrNull(bytes: Uint8Array | null): number | null {
  const hasHeader = bytes !== null && bytes.length >= WIRE_HEADER_BYTES && bytes[0] === MAGIC;
  return hasHeader ? wireSchemaId(bytes) : null;
}

function notInWireFormat(bytes: Uint8Array): WireFormatError {
  const first = [...bytes.subarray(0, WIRE_HEADER_BYTES)].map((byte) =>
    byte.toString(16).padStart(2, "0")
  );
  const found = bytes.length === 0
    ? "no bytes"
    : `${bytes.length} bytes beginning with ${first.join(" ")}`;
  return new WireFormatError(
    `not in the schema registry's wire format (00, a schema id of 4 bytes, Avro): ${found}`,
    { hint: "The producer must serialize with the schema registry, not with bare Avro or JSON." },
  );
}
