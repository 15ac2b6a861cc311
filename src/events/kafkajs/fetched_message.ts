/**
 * A fetched record with the fields that kafkajs looks at in a message: a view of the record that was decoded
 * (`@gmn/kafka-formats`), which reads its parts when they are asked for.
 */
import type { Buffer } from "node:buffer";
import type { ConsumedRecord, HeaderValue } from "../consumed_record.ts";

/** What all records of a batch share, by the names that kafkajs gives it. */
export interface BatchContext {
  readonly firstOffset: string;
  readonly firstTimestamp: string;
  readonly maxTimestamp: string;
  /** 1: the broker's time stands for all records, `maxTimestamp`. */
  readonly timestampType: number;
  readonly isControlBatch: boolean;
  readonly producerId: string;
  readonly inTransaction: boolean;
  /** From the first offset to the last one, also of records that are no longer there. */
  readonly lastOffsetDelta: number;
}

export class FetchedMessage {
  readonly attributes = 0;
  readonly magicByte = 2;

  constructor(readonly record: ConsumedRecord, readonly batchContext: BatchContext) {}

  get offset(): string {
    return this.record.offset.toString();
  }
  get timestamp(): string {
    return String(this.record.timestamp.getTime());
  }
  get key(): Buffer | null {
    return this.record.key;
  }
  get value(): Buffer | null {
    return this.record.value;
  }
  get headers(): Readonly<Record<string, HeaderValue>> {
    return this.record.headers;
  }
  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch;
  }
}
