/**
 * The records of a batch, one after the other, as places in its bytes: the one reader of the record format. The broker checks
 * with it what producers send and searches by time, the application decodes with it what it fetches.
 */
import { CorruptBatchError, VarintReader } from "./varint.ts";

export { CorruptBatchError };

/**
 * A walk through uncompressed records. Its fields are those of the record that `next` came to; one object serves the whole walk,
 * because this is the hottest loop at both ends.
 */
export class RecordWalk<Bytes extends Uint8Array = Uint8Array> extends VarintReader<Bytes> {
  offsetDelta = -1;
  /** Milliseconds since the batch's base timestamp. */
  timestampDelta = 0;
  keyAt = 0;
  /** -1 for null, as all lengths. */
  keyLength = 0;
  valueAt = 0;
  valueLength = 0;
  /** Where the count of headers is. */
  headersAt = 0;
  /** Bytes of the record, its headers included. */
  size_bytes = 0;
  private end = 0;
  private index = 0;

  /** @param bytes what follows the batch's head, uncompressed */
  constructor(bytes: Bytes, private readonly count: number, private readonly lastDelta: number) {
    super(bytes, 0);
  }

  /**
   * Goes to the next record; false when that was the last.
   * @throws CorruptBatchError when a length leads out of the bytes, bytes are left over, or offsets do not ascend within the batch
   */
  next(): boolean {
    this.at = this.end;
    if (this.index >= this.count) return this.finish();
    const size = this.varint();
    const start = this.at;
    this.end = start + size;
    if (size < 0 || this.end > this.bytes.length) throw this.corrupt(start, size);
    this.size_bytes = size;
    this.at++; // attributes: none are defined
    this.timestampDelta = this.varint();
    const delta = this.varint();
    // Elsewhere it would be taken for a record that was read before, or would carry the position over others.
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
    // The count of headers takes a byte at least.
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
