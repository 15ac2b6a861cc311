/**
 * kafkajs 2.2.4's `Encoder`, mended: what is large is kept by reference until the whole request is written.
 *
 * kafkajs builds a request from the inside out, record batch, partition, topic, body, head, size, and at each step copies all that is
 * inside into a buffer of the next power of two, filled with zeros first: 14 MB for a request of 1.9 MB. Here such an encoder is a
 * list of pieces, and they are put together once, when somebody asks for its bytes. Small values are written as before.
 */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";

/** From this size on a piece is kept by reference; for less, copying is cheaper than keeping a list. */
export const PIECE_BYTES_MIN = 16 * 1024;

/** kafkajs's growing buffer: what its protocol code hands around. */
export interface Encoder {
  /** What is written behind the last piece, and how far it is filled. */
  buf: Buffer;
  offset: number;
  /** Pieces in front of `buf`, and their bytes. Missing while there are none. */
  pieces?: Buffer[];
  pieceBytes?: number;
  readonly buffer: Buffer;
  size(): number;
  ensureAvailable(bytes: number): void;
  writeBufferInternal(bytes: Buffer): void;
  writeEncoder(inner: Encoder): Encoder;
  writeEncoderArray(inner: Encoder[]): Encoder;
}

/** The class, mended by this module. */
export const EncoderClass = createRequire(import.meta.url)("kafkajs/src/protocol/encoder.js") as
  & (new (size?: number) => Encoder)
  & { prototype: Encoder };

/** Room for what follows a piece: the head of the next one. */
const ROOM_BYTES = 512;

function append(this: Encoder, bytes: Buffer): void {
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
  this.buf = Buffer.alloc(ROOM_BYTES);
  this.offset = 0;
}

function appendEncoder(this: Encoder, inner: Encoder): Encoder {
  if (inner === null || inner === undefined || !Buffer.isBuffer(inner.buf)) {
    throw new Error("value should be an instance of Encoder");
  }
  for (const piece of inner.pieces ?? []) this.writeBufferInternal(piece);
  this.writeBufferInternal(inner.buf.subarray(0, inner.offset));
  return this;
}

function appendEncoders(this: Encoder, inner: Encoder[]): Encoder {
  if (!Array.isArray(inner)) throw new Error("all values should be an instance of Encoder[]");
  for (const one of inner) this.writeEncoder(one);
  return this;
}

/** All bytes in one buffer, which takes the pieces' place: it is asked for more than once. */
function joined(this: Encoder): Buffer {
  if (this.pieces !== undefined) {
    this.buf = Buffer.concat([...this.pieces, this.buf.subarray(0, this.offset)]);
    this.offset = this.buf.length;
    this.pieces = undefined;
    this.pieceBytes = 0;
  }
  return this.buf.subarray(0, this.offset);
}

Object.assign(EncoderClass.prototype, {
  writeBufferInternal: append,
  writeEncoder: appendEncoder,
  writeEncoderArray: appendEncoders,
  size(this: Encoder): number {
    return (this.pieceBytes ?? 0) + this.offset;
  },
});
Object.defineProperty(EncoderClass.prototype, "buffer", { get: joined });
