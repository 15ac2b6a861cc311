/**
 * Compares dead letters and the events of runs with their records on the log, while the log is read from one end to the other.
 *
 * A dead letter does not know where its record is, so it is looked for by its id. The last record with the id counts, and earlier ones
 * may differ: a replay that fails again replaces the reason.
 */
import { PermanentError } from "@gmn/failures";
import type { DeadLetter } from "../dead_letters/dead_letter.ts";
import type { ReadRecords } from "../events/log_reader.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { DEAD_LETTER, INGESTION_RUN, type Topic } from "../events/topics.ts";
import { createValueCodec } from "../events/wire_values.ts";
import type { RunEventRecord } from "../runs/run_event_record.ts";
import type { DeadLetterMark, StoreSnapshot } from "../store/row_places.ts";
import { storable } from "../store/storable.ts";
import { wireSchemaIdOrNull } from "../wire_format/wire_header.ts";
import { Findings } from "./finding.ts";

type Registry = Pick<SchemaRegistry, "writerSchema">;

/** Decodes the values of a topic; null for what another program wrote, or what is not readable. */
function readerOf<Value>(topic: Topic, registry: Registry) {
  const codec = createValueCodec<Value>(topic);
  return async (value: Uint8Array | null): Promise<Value | null> => {
    const schemaId = wireSchemaIdOrNull(value);
    if (value === null || schemaId === null) return null;
    try {
      return codec.decode(value, await registry.writerSchema(schemaId));
    } catch (error) {
      if (error instanceof PermanentError) return null;
      throw error;
    }
  };
}

/** The check of the dead letters. */
export class DeadLetterCheck {
  confirmed = 0;
  /** Dead letters that the log does not have, or has with another reason. Their offset is not known: -1. */
  readonly missing = new Findings();
  readonly #inLog = new Map<string, boolean>();
  readonly #read;

  constructor(private readonly snapshot: StoreSnapshot, registry: Registry) {
    this.#read = readerOf<DeadLetter>(DEAD_LETTER, registry);
  }

  async take({ records }: ReadRecords): Promise<void> {
    const found = new Map<string, DeadLetter>();
    for (const { value } of records) {
      const deadLetter = await this.#read(value);
      if (deadLetter !== null) found.set(storable(deadLetter.id), deadLetter);
    }
    for (const mark of await this.snapshot.deadLetters([...found.keys()])) {
      this.#inLog.set(mark.id, saysTheSame(found.get(mark.id)!, mark));
    }
  }

  async finish(): Promise<void> {
    for (let after = "";;) {
      const { marks, isLast } = await this.snapshot.deadLettersAfter(after);
      for (const { id, topic } of marks) {
        // One about the dead letters themselves is only in the table: on the topic it could cause the next one.
        if (this.#inLog.get(id) === true || topic === DEAD_LETTER.name) this.confirmed++;
        else this.missing.add({ id, partition: 0, offset: -1n });
      }
      if (isLast) return;
      after = marks.at(-1)!.id;
    }
  }
}

function saysTheSame(deadLetter: DeadLetter, { stage, reason }: DeadLetterMark): boolean {
  return deadLetter.stage === stage && storable(deadLetter.reason) === reason;
}

/** The check of the runs' events. */
export class RunEventCheck {
  confirmed = 0;
  /** Events whose record is not where the event says, or is another event. */
  readonly missing = new Findings();
  readonly #read;

  constructor(private readonly snapshot: StoreSnapshot, registry: Registry) {
    this.#read = readerOf<RunEventRecord>(INGESTION_RUN, registry);
  }

  async take({ partition, records, nextOffset }: ReadRecords): Promise<void> {
    const places = await this.snapshot.runEventsBefore(nextOffset);
    const recordOf = new Map(records.map((record) => [record.offset, record]));
    for (const { id, offset, name } of places) {
      const record = recordOf.get(offset);
      const event = record === undefined ? null : await this.#read(record.value);
      if (event?.run_id === id && event.type === name) this.confirmed++;
      else this.missing.add({ id, partition, offset });
    }
  }

  async finish(): Promise<void> {
    for (const { id, offset } of await this.snapshot.runEventsBefore(2n ** 63n - 1n)) {
      this.missing.add({ id, partition: 0, offset });
    }
  }
}
