/**
 * Unpacks LZ4 frames. Their checksums are not verified: every record batch has its own CRC.
 *
 * Source: lz4/lz4, doc/lz4_Frame_format.md (1.6) and doc/lz4_Block_format.md.
 */
import { CorruptDataError, Output } from "./output.ts";

const FRAME_MAGIC = 0x184d2204;
/** The first of sixteen magic numbers whose frames are skipped. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;

/** Bits of the frame's first byte. */
const VERSION_MASK = 0xc0;
const VERSION_1 = 0x40;
const HAS_BLOCK_CHECKSUMS = 0x10;
const HAS_CONTENT_SIZE = 0x08;
const HAS_CONTENT_CHECKSUM = 0x04;
const HAS_DICTIONARY = 0x01;

/** The highest bit of a block's length: the block is not compressed. */
const STORED_BIT = 0x80000000;
/** A length of 15 in a token continues in the bytes that follow, each at most 255. */
const NIBBLE_MAX = 15;
const SHORTEST_MATCH = 4;

/** @throws CorruptDataError when the bytes are not LZ4 frames, or unpack to more than `UNPACKED_BYTES_MAX` */
export function unpackLz4(packed: Uint8Array): Uint8Array {
  const output = new Output(packed.length);
  const input = new Input(packed);
  while (!input.isAtEnd) unpackFrame(input, output);
  return output.done();
}

/** A cursor over bytes. */
class Input {
  #at = 0;
  constructor(private readonly bytes: Uint8Array) {}

  get isAtEnd(): boolean {
    return this.#at >= this.bytes.length;
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  uint16(): number {
    return this.byte() + this.byte() * 256;
  }

  uint32(): number {
    return this.uint16() + this.uint16() * 65_536;
  }

  take(count: number): Uint8Array {
    const from = this.#at;
    this.#at += count;
    if (this.#at > this.bytes.length) throw new CorruptDataError("an LZ4 frame is cut off");
    return this.bytes.subarray(from, this.#at);
  }
}

function unpackFrame(input: Input, output: Output): void {
  const magic = input.uint32();
  // JavaScript's bitwise operators return signed numbers.
  if (((magic & SKIPPABLE_MASK) >>> 0) === SKIPPABLE_MAGIC) {
    input.take(input.uint32());
    return;
  }
  if (magic !== FRAME_MAGIC) throw new CorruptDataError(`no LZ4 frame: 0x${magic.toString(16)}`);
  const flags = input.byte();
  if ((flags & VERSION_MASK) !== VERSION_1) throw new CorruptDataError("an unknown version of LZ4");
  if ((flags & HAS_DICTIONARY) !== 0) throw new CorruptDataError("an LZ4 frame with a dictionary");
  input.byte(); // Maximum block size: unused, the whole output has a limit.
  if ((flags & HAS_CONTENT_SIZE) !== 0) input.take(8);
  input.byte(); // The header's checksum.
  for (;;) {
    const header = input.uint32();
    if (header === 0) break;
    const isStored = header >= STORED_BIT;
    const block = input.take(isStored ? header - STORED_BIT : header);
    if (isStored) output.write(block);
    else unpackBlock(new Input(block), output);
    if ((flags & HAS_BLOCK_CHECKSUMS) !== 0) input.take(4);
  }
  if ((flags & HAS_CONTENT_CHECKSUM) !== 0) input.take(4);
}

/** One block: literals and matches in turn. Matches may reach back into earlier blocks. */
function unpackBlock(input: Input, output: Output): void {
  /** A length whose first part is four bits of a token. */
  const lengthFrom = (nibble: number): number => {
    let length = nibble;
    if (nibble === NIBBLE_MAX) {
      let more: number;
      do length += more = input.byte(); while (more === 255);
    }
    return length;
  };
  for (;;) {
    const token = input.byte();
    output.write(input.take(lengthFrom(token >>> 4)));
    // The last sequence has literals only.
    if (input.isAtEnd) return;
    const distance = input.uint16();
    output.copy(distance, SHORTEST_MATCH + lengthFrom(token & NIBBLE_MAX));
  }
}
