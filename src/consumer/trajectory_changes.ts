/**
 * Records of `trajectory_summary_raw` as changes to the data store, and those that can't be one as dead letters.
 *
 * Other producers write to this topic too: a key may be missing (the id inside the value counts), headers may be missing, the
 * schema may be another registration or a newer version.
 */
import type { Buffer } from "node:buffer";
import type { ConsumedRecord, RecordBatch } from "../events/consumed_record.ts";
import { type DeadLetter, type DeadLetterStage, recordLetterId } from "../events/dead_letter.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { explain, PermanentError, TransientError } from "../failures/failures.ts";
import type { Lineage, TrajectoryUpsert, TrajectoryWithdrawal } from "../store/trajectory_batch.ts";
import {
  createTrajectoryDecoder,
  type TrajectoryDecoder,
  wireSchemaId,
} from "../trajectory/codec.ts";
import type { TrajectorySummary } from "../trajectory/summary.ts";
import { lineageOf } from "./lineage.ts";

/** A change with the record it came from, which a dead letter needs should the database refuse it. */
export interface RecordedChange {
  readonly change: TrajectoryUpsert | TrajectoryWithdrawal;
  readonly record: ConsumedRecord;
}

/** What became of a batch's records, both in offset order. */
export interface TrajectoryChanges {
  readonly changes: readonly RecordedChange[];
  readonly letters: readonly DeadLetter[];
}

/** Decodes batches; remembers a decoder for each writer's schema it has met. */
export function createTrajectoryChanges(
  registry: SchemaRegistry,
): (batch: RecordBatch) => Promise<TrajectoryChanges> {
  const decoders = new Map<number, TrajectoryDecoder>();

  /** Not remembered when it fails: a schema that is registered later makes the same record readable (a replay of the letter). */
  async function makeDecoder(id: number): Promise<TrajectoryDecoder> {
    try {
      const decoder = createTrajectoryDecoder(await registry.writerSchema(id));
      decoders.set(id, decoder);
      return decoder;
    } catch (error) {
      if (error instanceof TransientError) throw error;
      throw new PermanentError(`schema ${id}: ${explain(error)}`, { cause: error });
    }
  }

  return async (batch) => {
    const changes: RecordedChange[] = [];
    const letters: DeadLetter[] = [];
    for (const record of batch.records) {
      try {
        const { value } = record;
        if (value === null) {
          changes.push({ record, change: toWithdrawal(record) });
        } else {
          const id = wireSchemaId(value);
          // Waiting for what is there already would cost as much as decoding it.
          const decode = decoders.get(id) ?? await makeDecoder(id);
          changes.push({ record, change: toUpsert(record, value, decode) });
        }
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        letters.push(recordLetter(batch, record, "decode", error));
      }
    }
    return { changes, letters };
  };
}

function toWithdrawal(record: ConsumedRecord): TrajectoryWithdrawal {
  const id = record.key?.toString("utf8") ?? "";
  if (id === "") {
    throw new PermanentError(
      "a tombstone without a key: nothing says which trajectory it withdraws",
    );
  }
  return { id, at: record.timestamp, lineage: lineageOf(record) };
}

/** Decodes the value, which tells whether it can be, and keeps the bytes: see `DecodedAgain`. */
function toUpsert(
  record: ConsumedRecord,
  value: Buffer,
  decode: TrajectoryDecoder,
): TrajectoryUpsert {
  let id = decode(value).unique_trajectory_identifier;
  if (id === null || id === "") {
    id = record.key?.toString("utf8") ?? "";
    if (id === "") {
      throw new PermanentError(
        "unique_trajectory_identifier is null, and the record has no key either",
      );
    }
  }
  return new DecodedAgain(id, lineageOf(record), value, decode);
}

/**
 * An upsert that decodes its summary when it is looked at. A summary is about 2 KB of objects; thousands of them, kept until their
 * batch is written, would be moved about and marked by the garbage collector, which costs several times the second decoding.
 */
class DecodedAgain implements TrajectoryUpsert {
  constructor(
    readonly id: string,
    readonly lineage: Lineage,
    private readonly value: Buffer,
    private readonly decode: TrajectoryDecoder,
  ) {}

  get summary(): TrajectorySummary {
    const summary = this.decode(this.value);
    summary.unique_trajectory_identifier = this.id;
    return summary;
  }
}

/**
 * The dead letter of a record. That of a replay is the letter it replays, with its new reason: trying again does not make two
 * of one.
 */
export function recordLetter(
  batch: { topic: string; partition: number },
  record: ConsumedRecord,
  stage: DeadLetterStage,
  error: PermanentError,
): DeadLetter {
  const lineage = lineageOf(record);
  return {
    id: lineage.replays?.letterId ?? recordLetterId(batch.topic, batch.partition, record.offset),
    at: Date.now() * 1000,
    stage,
    reason: explain(error),
    field: fieldOf(error),
    run_id: lineage.runId,
    source_file: lineage.sourceFile,
    source_line: lineage.sourceLine,
    source_generated_at: lineage.sourceGeneratedAt === null
      ? null
      : lineage.sourceGeneratedAt.getTime() * 1000,
    text: null,
    columns: null,
    topic: batch.topic,
    partition: batch.partition,
    offset: Number(record.offset),
    key: record.key,
    value: record.value,
    schema_id: schemaIdOf(record),
  };
}

/** Errors that know the field they are about say so in `field`. */
function fieldOf(error: unknown): string | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const field = (at as { field?: unknown }).field;
    if (typeof field === "string") return field;
  }
  return null;
}

function schemaIdOf(record: ConsumedRecord): number | null {
  if (record.value === null) return null;
  try {
    return wireSchemaId(record.value);
  } catch {
    return null;
  }
}
