/**
 * Unpacks Snappy: the plain block that librdkafka writes, and the snappy-java framing that the Java client writes.
 *
 * Sources: google/snappy, format_description.txt; xerial/snappy-java, SnappyOutputStream (the framing: 8 magic bytes, two
 * versions, then blocks, each preceded by its length).
 */
import { CorruptDataError, Output } from "./output.ts";

const XERIAL_MAGIC = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00);
/** The magic bytes, the version and the lowest compatible version. */
const XERIAL_HEADER_BYTES = 16;
const LENGTH_BYTES = 4;

/** A literal up to this long has its length in the tag; a longer one has it in 1 to 4 bytes after the tag. */
const INLINE_LITERAL_MAX = 60;

/** @throws CorruptDataError when the bytes are not Snappy, or unpack to more than `UNPACKED_BYTES_MAX` */
export function unpackSnappy(packed: Uint8Array): Uint8Array {
  const output = new Output(packed.length);
  if (!XERIAL_MAGIC.every((byte, at) => packed[at] === byte)) {
    unpackBlock(packed, output);
    return output.done();
  }
  for (let at = XERIAL_HEADER_BYTES; at < packed.length;) {
    const length = readUint32BE(packed, at);
    at += LENGTH_BYTES;
    if (at + length > packed.length) throw new CorruptDataError("a Snappy block is cut off");
    unpackBlock(packed.subarray(at, at + length), output);
    at += length;
  }
  return output.done();
}

function readUint32BE(bytes: Uint8Array, at: number): number {
  if (at + LENGTH_BYTES > bytes.length) {
    throw new CorruptDataError("a Snappy block's length is cut off");
  }
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
}

/** One block: its unpacked length, then literals and copies. */
function unpackBlock(block: Uint8Array, output: Output): void {
  let at = 0;
  /** A little-endian number of `count` bytes. */
  const number = (count: number): number => {
    if (at + count > block.length) throw new CorruptDataError("a Snappy block ends in a tag");
    let value = 0;
    for (let byte = 0; byte < count; byte++) value += block[at++]! * 2 ** (8 * byte);
    return value;
  };
  const start = output.length;
  const unpacked = varint(() => number(1));
  while (at < block.length) {
    const tag = block[at++]!;
    const bits = tag >>> 2;
    switch (tag & 3) {
      case 0: {
        const length = 1 +
          (bits < INLINE_LITERAL_MAX ? bits : number(bits - INLINE_LITERAL_MAX + 1));
        if (at + length > block.length) throw new CorruptDataError("a Snappy literal is cut off");
        output.write(block.subarray(at, at + length));
        at += length;
        break;
      }
      case 1:
        output.copy((tag >>> 5) * 256 + number(1), 4 + (bits & 7));
        break;
      case 2:
        output.copy(number(2), 1 + bits);
        break;
      default:
        output.copy(number(4), 1 + bits);
    }
  }
  if (output.length - start !== unpacked) {
    throw new CorruptDataError(
      `a Snappy block has ${output.length - start} bytes, not ${unpacked}`,
    );
  }
}

/** Seven bits per byte, lowest first, at most 32 bits in total. */
function varint(next: () => number): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = next();
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw new CorruptDataError("a Snappy block's length does not end");
}
