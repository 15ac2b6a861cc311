/**
 * Codecs for reading records that other producers have compressed.
 *
 * Upstream, in kafkajs 2.2.4: src/protocol/message/compression/index.js has only gzip, and decompresses it without a limit. Codecs
 * are added in the documented way, so no check is needed.
 *
 * Our own records are written uncompressed. Compressing with a codec that kafkajs lacks is refused.
 */
import { Buffer } from "node:buffer";
import { COMPRESSION, decompress } from "@gmn/kafka-formats";
import { PermanentError } from "@gmn/failures";
import { CompressionCodecs, CompressionTypes } from "./kafkajs.ts";

/** A codec as kafkajs calls it for a batch (see its `compression` folder). */
interface Codec {
  compress(): Promise<Buffer>;
  decompress(packed: Buffer): Promise<Buffer>;
}

/** Async, so that errors reject the promise. */
async function unpack(codec: number, packed: Buffer): Promise<Buffer> {
  const bytes = await decompress(codec, packed);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readingOnly(name: string, codec: number): () => Codec {
  return () => ({
    compress: () => Promise.reject(new PermanentError(`records are not written with ${name} here`)),
    decompress: (packed) => unpack(codec, packed),
  });
}

/** kafkajs's own codec, which also compresses. */
const gzip = (CompressionCodecs as unknown as Record<number, () => Codec>)[CompressionTypes.GZIP]!;

/** Makes all kafkajs clients of this process read Snappy, LZ4, Zstandard, and gzip within limits. Repeating it changes nothing. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = readingOnly("Snappy", COMPRESSION.SNAPPY);
  CompressionCodecs[CompressionTypes.LZ4] = readingOnly("LZ4", COMPRESSION.LZ4);
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    ...gzip(),
    decompress: (packed: Buffer) => unpack(COMPRESSION.GZIP, packed),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = readingOnly("Zstandard", COMPRESSION.ZSTD);
}
