/**
 * Zigzag varints: Kafka's `varint` and `varlong`, the integers inside records.
 *
 * Values are JavaScript numbers, exact up to 2^53, far above any length, offset delta or time.
 */

/** The bytes contradict the head of their batch. */
export class CorruptBatchError extends Error {
  override readonly name = "CorruptBatchError";
}

/** 64 bits fit into ten bytes of seven bits. A longer number would become infinite, then NaN, which passes every check. */
const VARINT_END = 2 ** 70;

/** Reads consecutive varints. */
export class VarintReader<Bytes extends Uint8Array = Uint8Array> {
  constructor(readonly bytes: Bytes, public at: number) {}

  /** @throws CorruptBatchError when the bytes end inside the number, or it has more than ten bytes */
  varint(): number {
    const bytes = this.bytes;
    let byte = bytes[this.at++]!;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    let scale = 128;
    do {
      byte = bytes[this.at++]!;
      if (byte === undefined) throw new CorruptBatchError("a record batch ends inside a number");
      value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80);
    if (scale > VARINT_END) throw new CorruptBatchError("a number of more than ten bytes");
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

/** How many bytes `writeVarint` writes. */
export function varintBytes(value: number): number {
  let rest = zigzag(value);
  let bytes = 1;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    bytes++;
  }
  return bytes;
}

/** Writes a signed integer of up to 53 bits at `at`; returns the position after it. */
export function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = zigzag(value);
  while (rest >= 0x80) {
    out[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  out[at++] = rest;
  return at;
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
