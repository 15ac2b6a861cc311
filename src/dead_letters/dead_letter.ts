/** A dead letter, as defined in `schemas/dead_letter.avsc`. */
import type { Buffer } from "node:buffer";

/** The stages of the pipeline at which a record or line may be given up, in order. */
export const DEAD_LETTER_STAGES = ["read", "fetch", "decode", "load"] as const;
export type DeadLetterStage = typeof DEAD_LETTER_STAGES[number];

/** Times in microseconds since 1970, UTC. Fields that a stage does not know are null. */
export interface DeadLetter {
  /** See dead_letter_ids.ts. */
  readonly id: string;
  readonly at: number;
  /** `unknown`: a stage that only a newer version has. */
  readonly stage: DeadLetterStage | "unknown";
  readonly reason: string;
  readonly field: string | null;
  readonly run_id: string | null;
  readonly source_file: string | null;
  readonly source_line: number | null;
  readonly source_generated_at: number | null;
  readonly text: string | null;
  /** Field of each column of `text`; null for a column without one. Dead letters of earlier versions have no columns. */
  readonly columns: readonly (string | null)[] | null;
  readonly topic: string | null;
  readonly partition: number | null;
  readonly offset: number | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly schema_id: number | null;
}

/** A dead letter as stored in the data store. */
export interface StoredDeadLetter extends DeadLetter {
  /** When its replay was loaded; null while it waits. */
  readonly replayed_at: Date | null;
}

/**
 * Maximum size of the stored value or key. Brokers take batches of 1,048,576 bytes (Redpanda) or 1,048,588 (Kafka) by default. An
 * uncompressed record can be larger than that, and so can the dead letter of a record that only just fitted.
 */
export const DEAD_LETTER_VALUE_BYTES_MAX = 1_000_000;
/** Limited because a reason may quote the data. */
const REASON_CHARACTERS_MAX = 10_000;

/** The dead letter with its key and value cut to `bytes_max`, as its reason then says. A small enough one stays as it is. */
export function cutDeadLetter(deadLetter: DeadLetter, bytes_max: number): DeadLetter {
  const { key, value } = deadLetter;
  const cuts = [["key", key] as const, ["value", value] as const]
    .flatMap(([what, bytes]) =>
      bytes !== null && bytes.length > bytes_max
        ? [`only the first ${bytes_max} of ${bytes.length} bytes of the ${what} are kept`]
        : []
    );
  const reason = deadLetter.reason.slice(0, REASON_CHARACTERS_MAX);
  if (cuts.length === 0 && reason === deadLetter.reason) return deadLetter;
  return {
    ...deadLetter,
    reason: [reason, ...cuts].join("; "),
    key: key?.subarray(0, bytes_max) ?? null,
    value: value?.subarray(0, bytes_max) ?? null,
  };
}
