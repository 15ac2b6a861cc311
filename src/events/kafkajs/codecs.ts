/**
 * Codecs for reading what other producers write: kafkajs knows gzip only, and unpacks that without a limit.
 *
 * Our own records are written uncompressed; compressing with what kafkajs does not know is refused.
 */
import { Buffer } from "node:buffer";
import { COMPRESSION, decompress } from "@gmn/kafka-formats";
import { PermanentError } from "@gmn/failures";
import { CompressionCodecs, CompressionTypes } from "./kafkajs.ts";

/** What kafkajs calls for a batch (its `compression` folder). */
interface Codec {
  compress(): Promise<Buffer>;
  decompress(packed: Buffer): Promise<Buffer>;
}

/** A promise, so that what is thrown rejects it. */
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

/** kafkajs's own, which also writes. */
const gzip = (CompressionCodecs as unknown as Record<number, () => Codec>)[CompressionTypes.GZIP]!;

/** Makes kafkajs read gzip within limits, Snappy, LZ4 and Zstandard, for all clients of this process. Doing it again changes nothing. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = readingOnly("Snappy", COMPRESSION.SNAPPY);
  CompressionCodecs[CompressionTypes.LZ4] = readingOnly("LZ4", COMPRESSION.LZ4);
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    ...gzip(),
    decompress: (packed: Buffer) => unpack(COMPRESSION.GZIP, packed),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = readingOnly("Zstandard", COMPRESSION.ZSTD);
}
