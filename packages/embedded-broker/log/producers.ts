/**
 * State of idempotent producers in one partition: a batch that is sent twice is stored once, a batch out of order is refused.
 *
 * A producer numbers its records per partition; each batch carries its producer's id, epoch and first number
 * ("sequence"). The last five batches of each producer are remembered (five, because a client may have that many in
 * flight), in the same transaction as the batch itself, so that the state and the log agree after a crash.
 *
 * The rules are those of Kafka's `ProducerStateManager` / `ProducerAppendInfo`, without transactions.
 */
import { ErrorCode } from "@gmn/kafka-formats";
import type { DatabaseSync } from "node:sqlite";
import { KafkaError } from "../protocol/kafka_error.ts";
import type { RecordBatch } from "./produced_batch.ts";

/** As many as a client may have in flight (`max.in.flight.requests.per.connection` with idempotence). */
const REMEMBERED_BATCHES = 5;
/** Each client process takes a new id, so old ones accumulate; the least recently seen are forgotten. */
const MAX_PRODUCERS = 2000;
/** Sequences wrap around at 2^31. */
const SEQUENCES = 2 ** 31;

/** A remembered batch: first sequence, last sequence, offset of the first record. */
type Remembered = [first: number, last: number, baseOffset: number];

interface ProducerState {
  epoch: number;
  batches: Remembered[];
}

/** The SQL of producer states, prepared once and shared by all partitions. */
export class ProducerStore {
  readonly load;
  readonly save;
  readonly remove;
  constructor(db: DatabaseSync) {
    this.load = db.prepare(
      "SELECT producer_id, epoch, batches FROM producer WHERE partition_id = ? ORDER BY last_seen_ms",
    );
    this.save = db.prepare(
      `INSERT INTO producer (partition_id, producer_id, epoch, batches, last_seen_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET epoch = excluded.epoch, batches = excluded.batches,
         last_seen_ms = excluded.last_seen_ms`,
    );
    this.remove = db.prepare("DELETE FROM producer WHERE partition_id = ? AND producer_id = ?");
  }
}

/** The producers of one partition. Loaded from the database when the first idempotent batch arrives. */
export class PartitionProducers {
  private states: Map<number, ProducerState> | undefined;

  constructor(private readonly store: ProducerStore, private readonly partitionId: number) {}

  /**
   * Checks whether an idempotent batch may be appended next.
   * Returns the offset at which it was stored if it is a duplicate, otherwise null.
   * @throws KafkaError INVALID_PRODUCER_EPOCH or OUT_OF_ORDER_SEQUENCE_NUMBER
   */
  check(batch: RecordBatch): number | null {
    const state = this.loaded().get(batch.producerId);
    // An unknown producer is new, or so old that it was forgotten. Either way it may start with any sequence.
    if (state === undefined) return null;
    if (batch.producerEpoch < state.epoch) {
      throw new KafkaError(
        ErrorCode.INVALID_PRODUCER_EPOCH,
        `producer ${batch.producerId} has epoch ${state.epoch}, the batch ${batch.producerEpoch}`,
      );
    }
    const last = lastSequence(batch);
    if (batch.producerEpoch > state.epoch) {
      if (batch.baseSequence === 0) return null;
      throw outOfOrder(batch, 0);
    }
    for (const [first, lastOfIt, baseOffset] of state.batches) {
      if (first === batch.baseSequence && lastOfIt === last) return baseOffset;
    }
    const expected = ((state.batches.at(-1)?.[1] ?? -1) + 1) % SEQUENCES;
    if (batch.baseSequence !== expected) throw outOfOrder(batch, expected);
    return null;
  }

  /** Remembers a batch that is being appended at `baseOffset`; inside its transaction. */
  remember(batch: RecordBatch, baseOffset: number, now_ms: number): void {
    const states = this.loaded();
    const known = states.get(batch.producerId);
    const batches = known !== undefined && known.epoch === batch.producerEpoch ? known.batches : [];
    const state: ProducerState = {
      epoch: batch.producerEpoch,
      batches: [
        ...batches.slice(1 - REMEMBERED_BATCHES),
        [batch.baseSequence, lastSequence(batch), baseOffset],
      ],
    };
    // Deleted and set again: a Map keeps insertion order, so its first key is the least recently seen producer.
    states.delete(batch.producerId);
    states.set(batch.producerId, state);
    this.store.save.run(
      this.partitionId,
      batch.producerId,
      state.epoch,
      JSON.stringify(state.batches),
      now_ms,
    );
    if (states.size > MAX_PRODUCERS) this.forgetOldest(states);
  }

  /** Discards the state in memory after a rollback; it is read from the database again when needed. */
  unload(): void {
    this.states = undefined;
  }

  private forgetOldest(states: Map<number, ProducerState>): void {
    for (const producerId of states.keys()) {
      states.delete(producerId);
      this.store.remove.run(this.partitionId, producerId);
      return;
    }
  }

  private loaded(): Map<number, ProducerState> {
    this.states ??= new Map(
      this.store.load.all(this.partitionId).map((row) => [row.producer_id as number, {
        epoch: row.epoch as number,
        batches: JSON.parse(row.batches as string) as Remembered[],
      }]),
    );
    return this.states;
  }
}

function lastSequence(batch: RecordBatch): number {
  return (batch.baseSequence + batch.recordCount - 1) % SEQUENCES;
}

function outOfOrder(batch: RecordBatch, expected: number): KafkaError {
  return new KafkaError(
    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    `producer ${batch.producerId} sent sequence ${batch.baseSequence} where ${expected} is next`,
  );
}
