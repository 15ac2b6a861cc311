/**
 * Codecs for reading what other producers write: kafkajs knows gzip only, and a consumer that meets another one stops for good.
 *
 * Our own records are written uncompressed; compressing with these is refused.
 */
import { Buffer } from "node:buffer";
import { zstdDecompressSync } from "node:zlib";
import { CompressionCodecs, CompressionTypes } from "kafkajs";
import { PermanentError } from "../../failures/failures.ts";
import { unpackLz4 } from "./lz4.ts";
import { UNPACKED_BYTES_MAX } from "./output.ts";
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

/** Makes kafkajs read Snappy, LZ4 and Zstandard, for all clients of this process. Doing it again changes nothing. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = readingOnly("Snappy", unpackSnappy);
  CompressionCodecs[CompressionTypes.LZ4] = readingOnly("LZ4", unpackLz4);
  CompressionCodecs[CompressionTypes.ZSTD] = readingOnly(
    "Zstandard",
    (packed) => zstdDecompressSync(packed, { maxOutputLength: UNPACKED_BYTES_MAX }),
  );
}
