/**
 * A record batch that can't be read, as it passes through kafkajs: one message in place of its records.
 *
 * When a decoder throws, the fetch of all partitions ends, and the next fetch returns the same batch. A message avoids that:
 * kafkajs continues after its offset, which must therefore be the batch's last offset. The header of a batch with a wrong checksum
 * may say anything, so the end of such a batch is derived from the message after it (`settle`).
 */
import type { UnreadableBatch } from "../consumed_record.ts";
import { type BatchContext, FetchedMessage } from "./fetched_message.ts";

/** The part of a message that `settle` needs. */
interface Placed {
  readonly offset: string;
}

/** Represents an unreadable batch as a single record. */
export class UnreadableMessage extends FetchedMessage {
  /**
   * @param count the number of records according to the batch's header; -1 when the header can't be read
   * @param end the offset after which reading continues
   */
  constructor(
    readonly batch: UnreadableBatch,
    readonly count: number,
    batchContext: BatchContext,
    end: bigint = batch.lastOffset,
  ) {
    super({
      offset: end,
      timestamp: new Date(batch.damage === null ? Number(batchContext.maxTimestamp) : 0),
      key: null,
      value: null,
      headers: {},
      size_bytes: batch.bytes.length,
      unreadable: batch,
    }, batchContext);
  }

  /** Always false, so that kafkajs does not skip it: an unreadable batch of control records is reported too. */
  override get isControlRecord(): boolean {
    return false;
  }

  /** A copy with another last offset. */
  endingAt(end: bigint): UnreadableMessage {
    return new UnreadableMessage(this.batch, this.count, this.batchContext, end);
  }
}

/**
 * Returns the messages of a fetch, with every unreadable batch at an offset from which reading continues: not before `fetchedFrom`,
 * after the previous message, and before the next one. The length of a damaged batch at the end of the fetch is the smaller of its
 * record count and its last offset delta plus one. If that is too short, the batch is fetched again; too long would lose records.
 * @param end the end of the log, which no batch extends past
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
  { batch, count, batchContext }: UnreadableMessage,
  next: Placed | undefined,
  end: bigint,
): bigint {
  if (batch.damage === null) return batch.lastOffset;
  if (next !== undefined) {
    const from = next instanceof UnreadableMessage ? next.batch.firstOffset : BigInt(next.offset);
    return from - 1n;
  }
  const records = Math.max(1, Math.min(count, batchContext.lastOffsetDelta + 1));
  const last = batch.firstOffset + BigInt(records) - 1n;
  return last < end ? last : end - 1n;
}

const largest = (a: bigint, b: bigint): bigint => a > b ? a : b;
