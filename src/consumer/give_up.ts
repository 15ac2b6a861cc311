/**
 * Giving up: letters onto the dead letter topic, acknowledged before the offset moves past what they are about.
 */
import { cutLetter, type DeadLetter, LETTER_VALUE_BYTES_MAX } from "../events/dead_letter.ts";
import { RecordTooLargeError } from "../events/kafka_client.ts";
import type { Observe } from "../observe/observe.ts";
import { type KnownLetter, saysNothingNew } from "../store/dead_letters.ts";

export interface GiveUpOptions {
  /**
   * Those of these letters that the data store has already. A letter that says nothing new is not published again, so that a
   * rebuild does not fill the log with what it has.
   */
  readonly knownLetters: (ids: readonly string[]) => Promise<ReadonlyMap<string, KnownLetter>>;
  /** Appends letters to the dead letter topic and waits for the acknowledgement. */
  readonly publishLetters: (letters: readonly DeadLetter[]) => Promise<void>;
  readonly observe: Observe;
}

/** A broker that takes less than this (with all that a letter has beside) can't be served. */
const LETTER_VALUE_BYTES_LEAST = 1_000;

/**
 * Publishes what is new among the letters, and tells of all. A letter that is larger than the broker takes is cut until it is not:
 * one that can't be written would hold up its partition for ever.
 * @throws TransientError when log or database can't be reached
 */
export function createGiveUp(
  { knownLetters, publishLetters, observe }: GiveUpOptions,
): (letters: readonly DeadLetter[]) => Promise<void> {
  async function publish(letters: readonly DeadLetter[], bytes_max: number): Promise<void> {
    try {
      await publishLetters(letters.map((letter) => cutLetter(letter, bytes_max)));
    } catch (error) {
      if (!(error instanceof RecordTooLargeError)) throw error;
      if (letters.length > 1) {
        // One of them is; the others are not to be cut for it.
        for (const letter of letters) await publish([letter], bytes_max);
        return;
      }
      if (bytes_max < LETTER_VALUE_BYTES_LEAST) throw error;
      const { key, value } = letters[0]!;
      const size = Math.min(bytes_max, Math.max(key?.length ?? 0, value?.length ?? 0));
      await publish(letters, Math.floor(size / 2));
    }
  }

  return async (letters) => {
    if (letters.length === 0) return;
    const known = await knownLetters(letters.map(({ id }) => id));
    // Compared as it was published then (unless the broker wanted it even smaller).
    const news = letters.filter((letter) =>
      !saysNothingNew(cutLetter(letter, LETTER_VALUE_BYTES_MAX), known.get(letter.id))
    );
    if (news.length > 0) await publish(news, LETTER_VALUE_BYTES_MAX);
    for (const letter of letters) tellOfLetter(letter, observe);
  };
}

/** Says that something of the log was given up. */
export function tellOfLetter(
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
