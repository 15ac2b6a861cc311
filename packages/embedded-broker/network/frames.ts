/**
 * Splits a connection's bytes into requests: each is an int32 size and that many bytes.
 *
 * A size is only a claim: memory is allocated as bytes arrive, never in advance. The size limit of a request depends on its
 * API, which is in its first bytes.
 */
import { ApiKey, MalformedRequest } from "@gmn/kafka-formats";

/** Kafka's default is 100 MiB; a third of that fits any sensible produce request (30 batches of 1 MiB). */
export const MAX_PRODUCE_REQUEST_BYTES = 32 * 1024 * 1024;
/** All other requests contain only names, numbers and group metadata. */
export const MAX_OTHER_REQUEST_BYTES = 4 * 1024 * 1024;
/** API key, version, correlation id: nothing shorter is a request. */
const MIN_REQUEST_BYTES = 8;
const SIZE_BYTES = 4;
/** Size and API key: the bytes needed to check a request's size. */
const HEAD_BYTES = 6;

/** Accepts chunks as they arrive, returns requests as they become complete. */
export class FrameSplitter {
  private chunks: Uint8Array[] = [];
  /** Bytes received that do not form a complete request yet. */
  buffered_bytes = 0;
  /** Size of the incoming request, including its size field; 0 while unknown. */
  private expected = 0;

  /**
   * The requests that `chunk` completes, without their size fields.
   * @throws MalformedRequest when a size is impossible
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    this.chunks.push(chunk);
    this.buffered_bytes += chunk.length;
    for (;;) {
      if (this.expected === 0 && this.buffered_bytes >= HEAD_BYTES) this.expected = this.readSize();
      if (this.expected === 0 || this.buffered_bytes < this.expected) return frames;
      const all = this.join();
      frames.push(all.subarray(SIZE_BYTES, this.expected));
      const rest = all.subarray(this.expected);
      this.chunks = rest.length > 0 ? [rest] : [];
      this.buffered_bytes = rest.length;
      this.expected = 0;
    }
  }

  /** Reads the head of the next request; returns its total size. */
  private readSize(): number {
    const all = this.join();
    const head = new DataView(all.buffer, all.byteOffset, HEAD_BYTES);
    const size = head.getInt32(0);
    const limit = head.getInt16(SIZE_BYTES) === ApiKey.Produce
      ? MAX_PRODUCE_REQUEST_BYTES
      : MAX_OTHER_REQUEST_BYTES;
    if (size < MIN_REQUEST_BYTES || size > limit) {
      throw new MalformedRequest(`a request of ${size} bytes (${MIN_REQUEST_BYTES} to ${limit})`);
    }
    return size + SIZE_BYTES;
  }

  /** Joins all buffered bytes. Called only when a head or a whole request is complete, so each byte is copied once or twice. */
  private join(): Uint8Array {
    if (this.chunks.length === 1) return this.chunks[0];
    const all = new Uint8Array(this.buffered_bytes);
    let at = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.chunks = [all];
    return all;
  }
}
