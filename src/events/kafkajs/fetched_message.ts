/**
 * A fetched record with the fields that kafkajs reads from a message. It is a view of the decoded record
 * (`@gmn/kafka-formats`), which decodes its parts on demand.
 */
import type { Buffer } from "node:buffer";
import type { ConsumedRecord, HeaderValue } from "../consumed_record.ts";

/** The properties that all records of a batch share, under kafkajs's names. */
export interface BatchContext {
  readonly firstOffset: string;
  readonly firstTimestamp: string;
  readonly maxTimestamp: string;
  /** 1: all records have the broker's time, `maxTimestamp`. */
  readonly timestampType: number;
  readonly isControlBatch: boolean;
  readonly producerId: string;
  readonly inTransaction: boolean;
  /** The last offset minus the first one, including records that have since been removed. */
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
