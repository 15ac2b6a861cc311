/**
 * Walks through the records of a batch as positions in its bytes: the one reader of the record format. The broker uses it to
 * check produced batches and to search by time, the application to decode fetched ones.
 */
import { CorruptBatchError, VarintReader } from "./varint.ts";

export { CorruptBatchError };

/**
 * A walk through uncompressed records. Its fields describe the record that `next` reached. One object serves the whole walk,
 * because this is the hottest loop of broker and application.
 */
export class RecordWalk<Bytes extends Uint8Array = Uint8Array> extends VarintReader<Bytes> {
  offsetDelta = -1;
  /** Milliseconds since the batch's base timestamp. */
  timestampDelta = 0;
  keyAt = 0;
  /** -1 for null, like all lengths. */
  keyLength = 0;
  valueAt = 0;
  valueLength = 0;
  /** Position of the header count. */
  headersAt = 0;
  /** Size of the record, headers included. */
  size_bytes = 0;
  private end = 0;
  private index = 0;

  /** @param bytes what follows the batch's head, uncompressed */
  constructor(bytes: Bytes, private readonly count: number, private readonly lastDelta: number) {
    super(bytes, 0);
  }

  /**
   * Moves to the next record; returns false when there is none.
   * @throws CorruptBatchError when a length points outside, bytes are left over, or offsets do not ascend within the batch
   */
  next(): boolean {
    this.at = this.end;
    if (this.index >= this.count) return this.finish();
    const size = this.varint();
    const start = this.at;
    this.end = start + size;
    if (size < 0 || this.end > this.bytes.length) throw this.corrupt(start, size);
    this.size_bytes = size;
    this.at++; // record attributes: none are defined
    this.timestampDelta = this.varint();
    const delta = this.varint();
    // Otherwise a reader would skip it as already read, or it would move the reader's position past other records.
    if (delta <= this.offsetDelta || delta > this.lastDelta) {
      throw new CorruptBatchError(
        `record ${this.index} has the offset delta ${delta} behind ${this.offsetDelta} in a batch up to ${this.lastDelta}`,
      );
    }
    this.offsetDelta = delta;
    this.keyLength = this.varint();
    this.keyAt = this.at;
    if (this.keyLength > 0) this.at += this.keyLength;
    this.valueLength = this.varint();
    this.valueAt = this.at;
    if (this.valueLength > 0) this.at += this.valueLength;
    this.headersAt = this.at;
    // The header count takes at least one byte.
    if (this.at >= this.end) throw this.corrupt(start, size);
    this.index++;
    return true;
  }

  private finish(): false {
    if (this.at === this.bytes.length) return false;
    throw new CorruptBatchError(
      `${
        this.bytes.length - this.at
      } bytes are left behind the ${this.count} records that it says it has`,
    );
  }

  private corrupt(at: number, size: number): CorruptBatchError {
    return new CorruptBatchError(
      `a record of ${size} bytes begins at byte ${at} of a batch whose records have ${this.bytes.length} bytes`,
    );
  }
}
