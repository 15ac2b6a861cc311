/**
 * Undoes the compression of a batch, where this runtime can: only a search by timestamp needs it. Snappy and LZ4 have no
 * decoder in `node:zlib`, and a dependency for this alone would not be worth it.
 */
import { gunzipSync, zstdDecompressSync } from "node:zlib";

const NONE = 0;
const GZIP = 1;
const ZSTD = 4;
/** A batch of 1 MiB can't sensibly hold more; a bomb is not unpacked. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The records of a batch uncompressed, or null when they can't be had. */
export function inflate(compression: number, records: Uint8Array): Uint8Array | null {
  try {
    switch (compression) {
      case NONE:
        return records;
      case GZIP:
        return gunzipSync(records, { maxOutputLength: MAX_BYTES });
      case ZSTD:
        return zstdDecompressSync(records, { maxOutputLength: MAX_BYTES });
      default:
        return null;
    }
  } catch {
    // The producer said gzip and sent something else; that is for the consumer to find.
    return null;
  }
}
