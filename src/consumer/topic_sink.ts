/**
 * What the sink does with the records of one topic.
 */
import type { RecordBatch } from "../events/consumed_record.ts";

export interface TopicSink {
  readonly topic: string;
  /**
   * Stores a batch and the offset after it in one transaction.
   * @throws PositionLostError when the database is not at the batch's first offset
   * @throws TransientError when something outside is away; the caller waits and calls again
   */
  store(batch: RecordBatch): Promise<void>;
}
