/**
 * A record batch that can't be read, as it passes through kafkajs: one message in the place of its records.
 *
 * A decoder that throws ends the whole fetch, of all partitions, and the next fetch brings the same batch. A message does not:
 * kafkajs goes on behind its offset, so that offset must be the batch's last one. The head of a batch whose checksum is wrong
 * may say anything, so where such a batch ends is told by what comes behind it (`settle`).
 */
import type { Buffer } from "node:buffer";
import type { ConsumedRecord, UnreadableBatch } from "../consumed_record.ts";
import type { BatchContext } from "./fetched_message.ts";

/** What is known of a batch without its records. */
export interface BatchSpan {
  readonly firstOffset: bigint;
  /** As its head says; -1 where it can't be read. */
  readonly lastOffsetDelta: number;
  readonly count: number;
}

/** What `settle` needs of any message. */
interface Placed {
  readonly offset: string;
}

/** Stands for a batch, with the fields that kafkajs looks at in a message. */
export class UnreadableMessage {
  readonly attributes = 0;
  readonly magicByte = 2;
  readonly key: Buffer | null = null;
  readonly value: Buffer | null = null;
  readonly headers = {};
  /** Never passed over as one, whatever its head says: a batch of control records that can't be read is told too. */
  readonly isControlRecord = false;
  /** `offset` as a number of its own kind. */
  readonly #end: bigint;

  constructor(
    readonly batch: UnreadableBatch,
    readonly span: BatchSpan,
    readonly batchContext: BatchContext,
    end: bigint = batch.lastOffset,
  ) {
    this.#end = end;
  }

  get offset(): string {
    return this.#end.toString();
  }

  get timestamp(): string {
    return this.batch.damage === null ? this.batchContext.maxTimestamp : "0";
  }

  /** The same with another last offset. */
  endingAt(end: bigint): UnreadableMessage {
    return new UnreadableMessage(this.batch, this.span, this.batchContext, end);
  }

  /** As the one record that a lane takes for it. */
  get record(): ConsumedRecord {
    const { batch, key, value, headers } = this;
    return {
      offset: this.#end,
      timestamp: new Date(Number(this.timestamp)),
      key,
      value,
      headers,
      size_bytes: batch.bytes.length,
      unreadable: batch,
    };
  }
}

/**
 * The messages of a fetch, with every unreadable batch at an offset from which reading goes on: behind `fetchedFrom` and what came
 * before it, and before what comes after it. A damaged one that ends the fetch is taken for no longer than both its record count
 * and its last offset delta say: too short only means that the broker gives the same batch once more, too long would lose records.
 * @param end the end of the log: no batch reaches beyond it
 */
export function settle<Message extends Placed>(
  messages: readonly (Message | UnreadableMessage)[],
  fetchedFrom: bigint,
  end: bigint,
): readonly (Message | UnreadableMessage)[] {
  if (!messages.some((message) => message instanceof UnreadableMessage)) return messages;
  let lowest = fetchedFrom;
  return messages.map((message, at) => {
    const settled = message instanceof UnreadableMessage
      ? message.endingAt(largest(lowest, lastOffsetOf(message, messages[at + 1], end)))
      : message;
    lowest = largest(lowest, BigInt(settled.offset) + 1n);
    return settled;
  });
}

function lastOffsetOf(
  { batch, span }: UnreadableMessage,
  next: Placed | undefined,
  end: bigint,
): bigint {
  if (batch.damage === null) return batch.lastOffset;
  if (next !== undefined) {
    const from = next instanceof UnreadableMessage ? next.batch.firstOffset : BigInt(next.offset);
    return from - 1n;
  }
  const records = Math.max(1, Math.min(span.count, span.lastOffsetDelta + 1));
  const last = span.firstOffset + BigInt(records) - 1n;
  return last < end ? last : end - 1n;
}

const largest = (a: bigint, b: bigint): bigint => a > b ? a : b;
