/**
 * A record batch that can't be read, as it passes through kafkajs: one message in the place of its records.
 *
 * A decoder that throws ends the whole fetch, of all partitions, and the next fetch has the same batch. A message does not: kafkajs
 * reads on after its offset, so that must be the batch's last offset. The header of a batch whose checksum is wrong may say
 * anything, so the end of such a batch is taken from what follows it (`settle`).
 */
import type { UnreadableBatch } from "../consumed_record.ts";
import { type BatchContext, FetchedMessage } from "./fetched_message.ts";

/** What `settle` needs of any message. */
interface Placed {
  readonly offset: string;
}

/** Stands for a batch, as the one record that a lane takes for it. */
export class UnreadableMessage extends FetchedMessage {
  /**
   * @param count records of the batch according to its header; -1 where that can't be read
   * @param end the offset after which reading goes on
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

  /** Never skipped as one, whatever its header says: an unreadable batch of control records is reported too. */
  override get isControlRecord(): boolean {
    return false;
  }

  /** The same with another last offset. */
  endingAt(end: bigint): UnreadableMessage {
    return new UnreadableMessage(this.batch, this.count, this.batchContext, end);
  }
}

/**
 * The messages of a fetch, with every unreadable batch at an offset from which reading goes on: behind `fetchedFrom` and what came
 * before it, and before what comes after it. A damaged one at the end of the fetch is taken to be no longer than both its record
 * count and its last offset delta say: too short only means that the same batch is fetched once more, too long would lose records.
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
