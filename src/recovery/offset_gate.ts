/**
 * Lets a rebuild read up to given offsets and no further, so that its tables can be compared with live ones that are at these offsets.
 *
 * A batch that reaches beyond the limit of its partition is cut there. The rest waits until the limit is raised or the gate is closed.
 */
import { PermanentError, TransientError } from "@gmn/failures";
import type { RecordBatch } from "../events/consumed_record.ts";
import type { TopicSink } from "../events/topic_sink.ts";

export class OffsetGate {
  readonly #limits = new Map<string, bigint>();
  /** The offset that a partition has reached inside of a batch whose rest has failed or waits. */
  readonly #reached = new Map<string, bigint>();
  #raised = Promise.withResolvers<void>();
  #isClosed = false;

  /** The offset before which records of a partition pass; 0 at first. A lower limit than before is ignored. */
  raise(topic: string, partition: number, limit: bigint): void {
    const key = keyOf(topic, partition);
    if (limit <= (this.#limits.get(key) ?? 0n)) return;
    this.#limits.set(key, limit);
    this.#wake();
  }

  /** Ends all waiting with an error. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  /** `sink` behind the gate. */
  before(sink: TopicSink): TopicSink {
    return { topic: sink.topic, store: (batch) => this.#store(sink, batch) };
  }

  async #store(sink: TopicSink, batch: RecordBatch): Promise<void> {
    const key = keyOf(batch.topic, batch.partition);
    let left: RecordBatch | null = batch;
    // A retry after a transient failure: what came before the failure is stored.
    const reached = this.#reached.get(key) ?? 0n;
    if (reached > batch.firstOffset && reached < batch.nextOffset) {
      left = cutBatch(batch, reached)[1];
    }
    try {
      while (left !== null) {
        const raised = this.#raised.promise;
        if (this.#isClosed) throw new PermanentError("the rebuild is over");
        const [now, later]: [RecordBatch | null, RecordBatch | null] = cutBatch(
          left,
          this.#limits.get(key) ?? 0n,
        );
        if (now !== null) {
          await sink.store(now);
          this.#reached.set(key, now.nextOffset);
        }
        if (later !== null) await raised;
        left = later;
      }
      this.#reached.delete(key);
    } catch (error) {
      if (!(error instanceof TransientError)) this.#reached.delete(key);
      throw error;
    }
  }

  #wake(): void {
    this.#raised.resolve();
    this.#raised = Promise.withResolvers<void>();
  }
}

/** The parts of a batch before and from `limit`; null for a part that is empty. */
export function cutBatch(
  batch: RecordBatch,
  limit: bigint,
): [RecordBatch | null, RecordBatch | null] {
  if (limit >= batch.nextOffset) return [batch, null];
  if (limit <= batch.firstOffset) return [null, batch];
  const isBefore = ({ offset }: { readonly offset: bigint }) => offset < limit;
  return [
    { ...batch, nextOffset: limit, records: batch.records.filter(isBefore) },
    {
      ...batch,
      firstOffset: limit,
      records: batch.records.filter((record) => !isBefore(record)),
    },
  ];
}

const keyOf = (topic: string, partition: number): string => `${topic}-${partition}`;
