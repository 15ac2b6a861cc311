/**
 * The gate before the log: closed while it is undecided whether this is the log that the data store was built from. Then nothing is
 * published and nothing is consumed. `recovery/log_guard.ts` opens and closes it.
 */
import { TransientError } from "@gmn/failures";
import type { OwnRecords } from "./own_records.ts";
import type { OutgoingRecord, Publisher } from "./publisher.ts";
import type { Topic } from "./topics.ts";
import type { Witness } from "./witness.ts";

/** The log answers, but somebody must decide what to do with it. Waiting helps: the decision is made in another process. */
export class LogUndecidedError extends TransientError {
  override readonly name = "LogUndecidedError";
}

export interface LogGate {
  /**
   * Looks at the log and at the database and says whether they fit.
   * @param only of the last loaded records, compares only this partition's; all by default
   * @throws LogUndecidedError when they don't, TransientError when either is unavailable
   */
  check(only?: PartitionName): Promise<void>;
  /**
   * Whether the log is still the one that was checked: its identity, and the last loaded record of a partition. One fetch, or two;
   * cheap enough to be asked for each batch.
   * @throws LogUndecidedError when it is not, TransientError when the log is unavailable
   */
  confirm(loaded?: LoadedRecord): Promise<void>;
  /** @throws LogUndecidedError when the last check found that they don't fit, or none has succeeded yet */
  assertDecided(): void;
  /** Resolves while the gate is open. @throws the signal's reason when it aborts first */
  decided(signal: AbortSignal): Promise<void>;
  /** Calls `listener` whenever the gate closes, or what the database has of the log was changed by a decision. */
  onUndecided(listener: (error: LogUndecidedError) => void): () => void;
}

export interface PartitionName {
  readonly topic: string;
  readonly partition: number;
}

/** The last record of a partition that was loaded. */
export interface LoadedRecord extends PartitionName {
  readonly witness: Witness;
}

/** A gate that never closes, for logs that no data store depends on. */
export const OPEN_GATE: LogGate = {
  check: () => Promise.resolve(),
  confirm: () => Promise.resolve(),
  assertDecided: () => {},
  decided: () => Promise.resolve(),
  onUndecided: () => () => {},
};

/**
 * The publisher behind the gate: it publishes only to the log that was checked.
 * @param own gets the records at the time of the call, before the gate is asked: what is decided from now on comes after them
 */
export function gatePublisher(publisher: Publisher, gate: LogGate, own?: OwnRecords): Publisher {
  /** The confirmations run one after the other, so that publishes keep the order of the calls. */
  let tail: Promise<void> = Promise.resolve();
  const confirm = (topic: Topic, records: readonly OutgoingRecord[]): Promise<void> => {
    own?.note(topic, records, (key) => publisher.partitionOf(topic, key ?? ""));
    const confirmed = tail.then(() => gate.confirm());
    tail = confirmed.catch(() => {});
    return confirmed;
  };
  return {
    publish: (topic, records) =>
      confirm(topic, records).then(() => publisher.publish(topic, records)),
    publishEach: (topic, records) =>
      confirm(topic, records).then(() => publisher.publishEach(topic, records)),
    partitionOf: (topic, key) => publisher.partitionOf(topic, key),
    schemaId: (topic) => publisher.schemaId(topic),
    close: () => publisher.close(),
  };
}
