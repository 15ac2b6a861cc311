/**
 * Decompresses a record batch, with a limit on the size of the result.
 */
import { unzipSync, zstdDecompressSync } from "node:zlib";
import { unpackLz4 } from "./lz4.ts";
import { CorruptDataError, UNPACKED_BYTES_MAX, unpacksToTooMuch } from "./output.ts";
import { unpackSnappy } from "./snappy.ts";

export { CorruptDataError, UNPACKED_BYTES_MAX };

/** The codecs, by the number in the lowest three bits of a batch's attributes. */
export const COMPRESSION = { NONE: 0, GZIP: 1, SNAPPY: 2, LZ4: 3, ZSTD: 4 } as const;

const LIMIT = { maxOutputLength: UNPACKED_BYTES_MAX };

/**
 * The bytes as they were before compression.
 * @throws CorruptDataError when the codec is unknown, or the bytes unpack to more than `UNPACKED_BYTES_MAX`
 * @throws Error of the decoder when the bytes are not in the codec's format
 */
export function decompress(codec: number, packed: Uint8Array): Uint8Array {
  switch (codec) {
    case COMPRESSION.NONE:
      return packed;
    case COMPRESSION.GZIP:
      return limited(() => unzipSync(packed, LIMIT));
    case COMPRESSION.SNAPPY:
      return unpackSnappy(packed);
    case COMPRESSION.LZ4:
      return unpackLz4(packed);
    case COMPRESSION.ZSTD:
      return limited(() => zstdDecompressSync(packed, LIMIT));
    default:
      throw new CorruptDataError(`unknown compression codec ${codec}`);
  }
}

/** Runs a decoder of node:zlib; turns its error about the limit into ours. */
function limited(unpack: () => Uint8Array): Uint8Array {
  try {
    return unpack();
  } catch (error) {
    const isTooLarge = (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE";
    throw isTooLarge ? unpacksToTooMuch() : error;
  }
}
