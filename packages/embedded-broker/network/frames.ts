/**
 * Cuts a connection's bytes into requests: each is an int32 size and that many bytes.
 *
 * A size is only a claim: memory is taken as bytes arrive, never ahead of them. How large a request may be depends on its
 * API, which is in its first bytes.
 */
import { ApiKey, MalformedRequest } from "@gmn/kafka-formats";

/** Kafka's default is 100 MiB; a third of that holds any sensible produce request (30 batches of 1 MiB). */
export const MAX_PRODUCE_REQUEST_BYTES = 32 * 1024 * 1024;
/** Everything else is names, numbers and group metadata. */
export const MAX_OTHER_REQUEST_BYTES = 4 * 1024 * 1024;
/** API key, version, correlation id: nothing shorter is a request. */
const MIN_REQUEST_BYTES = 8;
const SIZE_BYTES = 4;
/** Size and API key: what must be there before a request can be judged. */
const HEAD_BYTES = 6;

/** Takes chunks as they come, gives requests as they are whole. */
export class FrameSplitter {
  private chunks: Uint8Array[] = [];
  /** Bytes that came and belong to no whole request yet. */
  buffered_bytes = 0;
  /** Size of the request that is coming in, with its size field; 0 while not known. */
  private expected = 0;

  /**
   * The requests that `chunk` completes, without their size fields.
   * @throws MalformedRequest when a size can't be
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    this.chunks.push(chunk);
    this.buffered_bytes += chunk.length;
    for (;;) {
      if (this.expected === 0 && this.buffered_bytes >= HEAD_BYTES) this.expected = this.judge();
      if (this.expected === 0 || this.buffered_bytes < this.expected) return frames;
      const all = this.join();
      frames.push(all.subarray(SIZE_BYTES, this.expected));
      const rest = all.subarray(this.expected);
      this.chunks = rest.length > 0 ? [rest] : [];
      this.buffered_bytes = rest.length;
      this.expected = 0;
    }
  }

  /** Reads the head of the next request; gives its whole size. */
  private judge(): number {
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

  /** All that is buffered in one piece. Only done when a head or a whole request is there, so each byte is copied once or twice. */
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
