/**
 * Codecs for reading what other producers write: kafkajs knows gzip only, and unpacks that without a limit.
 *
 * Our own records are written uncompressed; compressing with what kafkajs does not know is refused.
 */
import { Buffer } from "node:buffer";
import { unzipSync, zstdDecompressSync } from "node:zlib";
import { CompressionCodecs, CompressionTypes } from "../kafkajs/kafkajs.ts";
import { PermanentError } from "../../failures/failures.ts";
import { unpackLz4 } from "./lz4.ts";
import { UNPACKED_BYTES_MAX, unpacksToTooMuch } from "./output.ts";
import { unpackSnappy } from "./snappy.ts";

/** What kafkajs calls for a batch (its `compression` folder). */
interface Codec {
  compress(): Promise<Buffer>;
  decompress(packed: Buffer): Promise<Buffer>;
}

function readingOnly(name: string, unpack: (packed: Uint8Array) => Uint8Array): () => Codec {
  return () => ({
    compress: () => Promise.reject(new PermanentError(`records are not written with ${name} here`)),
    // A promise, so that what is thrown rejects it.
    decompress: async (packed) => await asBuffer(unpack(packed)),
  });
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** With the limit, and an error that says so. */
function limited(unpack: (packed: Uint8Array, limit: typeof LIMIT) => Uint8Array) {
  return (packed: Uint8Array): Uint8Array => {
    try {
      return unpack(packed, LIMIT);
    } catch (error) {
      const isTooLarge = (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE";
      throw isTooLarge ? unpacksToTooMuch() : error;
    }
  };
}

const LIMIT = { maxOutputLength: UNPACKED_BYTES_MAX };

const unpackGzip = limited(unzipSync);
/** kafkajs's own, which also writes. */
const gzip = (CompressionCodecs as unknown as Record<number, () => Codec>)[CompressionTypes.GZIP]!;

/** Makes kafkajs read gzip within limits, Snappy, LZ4 and Zstandard, for all clients of this process. Doing it again changes nothing. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = readingOnly("Snappy", unpackSnappy);
  CompressionCodecs[CompressionTypes.LZ4] = readingOnly("LZ4", unpackLz4);
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    ...gzip(),
    decompress: async (packed: Buffer) => await asBuffer(unpackGzip(packed)),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = readingOnly("Zstandard", limited(zstdDecompressSync));
}
