/**
 * Zigzag varints: Kafka's `varint` and `varlong`, the integers inside records.
 *
 * As numbers, exact up to 2^53, far above any length, offset delta or time.
 */

/** The bytes are not what the head of their batch says. */
export class CorruptBatchError extends Error {
  override readonly name = "CorruptBatchError";
}

/** 64 bits take ten bytes of seven; a number that goes on beyond them would become infinite, and then NaN, which passes every check. */
const VARINT_END = 2 ** 70;

/** Reads varints one after the other. */
export class VarintReader<Bytes extends Uint8Array = Uint8Array> {
  constructor(readonly bytes: Bytes, public at: number) {}

  /** @throws CorruptBatchError when the bytes end inside the number, or it has more than ten */
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

/** How many bytes `writeVarint` takes. */
export function varintBytes(value: number): number {
  let rest = zigzag(value);
  let bytes = 1;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    bytes++;
  }
  return bytes;
}

/** Writes a signed integer of up to 53 bits at `at`; gives where it ends. */
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
