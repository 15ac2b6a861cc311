/** Gives up records: their dead letters are acknowledged on the topic before the offset moves past the records. */
import { RecordTooLargeError } from "../events/kafka_client.ts";
import type { Publisher } from "../events/publisher.ts";
import type { TopicSink } from "../events/topic_sink.ts";
import type { Observe } from "../observe/observe.ts";
import { deadLetterOfBatch } from "./build_dead_letter.ts";
import { cutDeadLetter, DEAD_LETTER_VALUE_BYTES_MAX, type DeadLetter } from "./dead_letter.ts";
import type { DeadLetterIds } from "./dead_letter_ids.ts";
import type { DeadLetterTable } from "./dead_letter_table.ts";
import { publishDeadLetters } from "./dead_letter_topic.ts";

export interface GiveUpOptions {
  /** A dead letter that the table already has is not published again, so that a rebuild adds nothing to the log. */
  readonly table: Pick<DeadLetterTable, "selectNew">;
  readonly publisher: Publisher;
  readonly observe: Observe;
}

/**
 * Publishes the dead letters that are new, and reports all of them.
 * @throws TransientError when log or database is unavailable
 */
export type GiveUp = (deadLetters: readonly DeadLetter[]) => Promise<void>;

/** A broker that takes fewer bytes than this (with all other fields of a dead letter) is not supported. */
const VALUE_BYTES_MIN = 1_000;

/**
 * Makes a `GiveUp`. A dead letter that is larger than the broker takes is cut until it fits: one that can't be written would block
 * its partition for ever.
 */
export function createGiveUp({ table, publisher, observe }: GiveUpOptions): GiveUp {
  async function publish(deadLetters: readonly DeadLetter[], bytes_max: number): Promise<void> {
    try {
      await publishDeadLetters(
        publisher,
        deadLetters.map((deadLetter) => cutDeadLetter(deadLetter, bytes_max)),
      );
    } catch (error) {
      if (!(error instanceof RecordTooLargeError)) throw error;
      if (deadLetters.length > 1) {
        // One of them is too large. The others must not be cut because of it.
        for (const deadLetter of deadLetters) await publish([deadLetter], bytes_max);
        return;
      }
      if (bytes_max < VALUE_BYTES_MIN) throw error;
      const { key, value } = deadLetters[0]!;
      const size = Math.min(bytes_max, Math.max(key?.length ?? 0, value?.length ?? 0));
      await publish(deadLetters, Math.floor(size / 2));
    }
  }

  return async (deadLetters) => {
    if (deadLetters.length === 0) return;
    // Compared in the form in which they were published before (unless the broker required them even smaller).
    const originals = new Map(
      deadLetters.map((one) => [cutDeadLetter(one, DEAD_LETTER_VALUE_BYTES_MAX), one]),
    );
    const unpublished = await table.selectNew([...originals.keys()]);
    if (unpublished.length > 0) {
      await publish(unpublished.map((cut) => originals.get(cut)!), DEAD_LETTER_VALUE_BYTES_MAX);
    }
    for (const deadLetter of deadLetters) reportDeadLetter(deadLetter, observe);
  };
}

/** Reports that a record or a record batch was given up. */
export function reportDeadLetter(
  { topic, partition, offset, reason }: DeadLetter,
  observe: Observe,
): void {
  observe("sink.dead_letter", {
    topic: topic ?? "",
    partition: partition ?? 0,
    offset: BigInt(offset ?? 0),
    reason,
  });
}

/**
 * Wraps `sink` so that each unreadable record batch gets a dead letter; `sink` gets the other records. It is unknown which runs the
 * records of such a batch belong to. That they are missing shows when the run has been loaded (store/run_views.ts).
 */
export function giveUpUnreadable(
  sink: TopicSink,
  giveUp: GiveUp,
  ids: DeadLetterIds,
): TopicSink {
  return {
    topic: sink.topic,
    async store(batch) {
      const unreadable = batch.records.flatMap((record) => record.unreadable ?? []);
      if (unreadable.length === 0) return await sink.store(batch);
      await giveUp(unreadable.map((each) => deadLetterOfBatch(batch, each, ids)));
      const records = batch.records.filter((record) => record.unreadable === undefined);
      await sink.store({ ...batch, records });
    },
  };
}
