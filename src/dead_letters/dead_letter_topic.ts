/** Dead letters on their topic, `trajectory_summary_dead_letter`. */
import type { OutgoingRecord, Publisher } from "../events/publisher.ts";
import { DEAD_LETTER } from "../events/topics.ts";
import { createValueCodec } from "../events/wire_values.ts";
import type { DeadLetter } from "./dead_letter.ts";

const codec = createValueCodec<DeadLetter>(DEAD_LETTER);

/** The record of a dead letter. @throws PermanentError when it does not fit its schema */
export function deadLetterRecord(deadLetter: DeadLetter, schemaId: number): OutgoingRecord {
  const { source_file, topic, partition } = deadLetter;
  return {
    key: source_file ?? `${topic}-${partition}`,
    value: codec.encode(deadLetter, schemaId),
  };
}

/**
 * Appends dead letters to the topic and waits for the acknowledgement.
 * @throws TransientError, PermanentError from the publisher
 */
export async function publishDeadLetters(
  publisher: Publisher,
  deadLetters: readonly DeadLetter[],
): Promise<void> {
  const schemaId = publisher.schemaId(DEAD_LETTER);
  await publisher.publish(
    DEAD_LETTER,
    deadLetters.map((deadLetter) => deadLetterRecord(deadLetter, schemaId)),
  );
}
