/**
 * Makes kafkajs's `Encoder` keep large pieces by reference until the whole request is written.
 *
 * Upstream, in kafkajs 2.2.4: src/protocol/encoder.js builds a request from the inside out: record batch, partition, topic, body,
 * head, size. Each step copies the inner bytes into a zero-filled buffer whose size is the next power of two: 14 MB for a request
 * of 1.9 MB (tulios/kafkajs pull requests 475 and 811 fixed part of this). Here an encoder is a list of pieces, which are
 * concatenated once, when its bytes are read. Small values are written as before.
 */
import { Buffer } from "node:buffer";
import { replaceMethods } from "./patch.ts";

/** Pieces of at least this size are kept by reference; for smaller ones, copying is cheaper than keeping a list. */
export const PIECE_BYTES_MIN = 16 * 1024;

/** kafkajs's growing buffer, which its protocol code passes around. */
export interface Encoder {
  /** The bytes written after the last piece, and how far the buffer is filled. */
  buf: Buffer;
  offset: number;
  /** Pieces before `buf`, and their total bytes. Absent while there are none. */
  pieces?: Buffer[];
  pieceBytes?: number;
  readonly buffer: Buffer;
  size(): number;
  ensureAvailable(bytes: number): void;
  writeBufferInternal(bytes: Buffer): void;
  writeEncoder(inner: Encoder): Encoder;
  writeEncoderArray(inner: Encoder[]): Encoder;
}

/** Space for the bytes after a piece: the header of the next one. */
const SPARE_BYTES = 512;

const methods: Partial<Encoder> & ThisType<Encoder> = {
  writeBufferInternal(bytes) {
    if (bytes.length < PIECE_BYTES_MIN) {
      this.ensureAvailable(bytes.length);
      this.buf.set(bytes, this.offset);
      this.offset += bytes.length;
      return;
    }
    const pieces = this.pieces ??= [];
    if (this.offset > 0) pieces.push(this.buf.subarray(0, this.offset));
    pieces.push(bytes);
    this.pieceBytes = (this.pieceBytes ?? 0) + this.offset + bytes.length;
    this.buf = Buffer.alloc(SPARE_BYTES);
    this.offset = 0;
  },
  writeEncoder(inner) {
    if (inner === null || inner === undefined || !Buffer.isBuffer(inner.buf)) {
      throw new Error("value should be an instance of Encoder");
    }
    for (const piece of inner.pieces ?? []) this.writeBufferInternal(piece);
    this.writeBufferInternal(inner.buf.subarray(0, inner.offset));
    return this;
  },
  writeEncoderArray(inner) {
    if (!Array.isArray(inner)) throw new Error("all values should be an instance of Encoder[]");
    for (const one of inner) this.writeEncoder(one);
    return this;
  },
  size() {
    return (this.pieceBytes ?? 0) + this.offset;
  },
  /** All bytes in one buffer, which replaces the pieces, because this getter is called more than once. */
  get buffer() {
    if (this.pieces !== undefined) {
      this.buf = Buffer.concat([...this.pieces, this.buf.subarray(0, this.offset)]);
      this.offset = this.buf.length;
      this.pieces = undefined;
      this.pieceBytes = 0;
    }
    return this.buf.subarray(0, this.offset);
  },
};

/** The patched class. */
export const EncoderClass = replaceMethods<Encoder>({
  patch: "request_buffer.ts",
  module: "protocol/encoder.js",
  users: ["protocol/request.js", "protocol/requests/produce/v3/request.js"],
}, () => methods) as new (size?: number) => Encoder;
