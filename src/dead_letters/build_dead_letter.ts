/** The builder of dead letters: `createDeadLetter`, and its inputs for a line of a file, a record and a record batch. */
import { explain, type PermanentError } from "@gmn/failures";
import type { ConsumedRecord, RecordBatch, UnreadableBatch } from "../events/consumed_record.ts";
import type { ReadBatch, RejectedLine } from "../trajectory/read_batch.ts";
import { wireSchemaIdOrNull } from "../wire_format/wire_header.ts";
import type { DeadLetter, DeadLetterStage } from "./dead_letter.ts";
import { type DeadLetterIds, lineDeadLetterId } from "./dead_letter_ids.ts";

const NOTHING_KNOWN = {
  field: null,
  run_id: null,
  source_file: null,
  source_line: null,
  source_generated_at: null,
  text: null,
  columns: null,
  topic: null,
  partition: null,
  offset: null,
  key: null,
  value: null,
  schema_id: null,
};

/** A dead letter given up at the current time. Omitted fields are null. */
export function createDeadLetter(
  known: Omit<DeadLetter, "at" | keyof typeof NOTHING_KNOWN> & Partial<DeadLetter>,
): DeadLetter {
  return { ...NOTHING_KNOWN, ...known, at: Date.now() * 1000 };
}

/**
 * For a line that could not be read. A stamp ahead of the clock counts as now (runs/file_stamp.ts), so that a replay, whenever it is,
 * does not win against later files; the id has the stamp as it is.
 */
export function deadLetterOfLine(
  { line, reason, field, text }: RejectedLine,
  { runId, file }: { readonly runId: string; readonly file: string },
  { generatedAt, header }: Pick<ReadBatch, "generatedAt" | "header">,
): DeadLetter {
  const now = new Date();
  return createDeadLetter({
    id: lineDeadLetterId(file, generatedAt, line),
    stage: "read",
    reason,
    field,
    run_id: runId,
    source_file: file,
    source_line: line,
    source_generated_at: microseconds(
      generatedAt !== null && generatedAt > now ? now : generatedAt,
    ),
    text,
    columns: header.columns.map((column) => column.field),
  });
}

/** Where a record comes from, by its headers. */
export interface RecordOrigin {
  readonly runId: string | null;
  readonly sourceFile: string | null;
  readonly sourceLine: number | null;
  /** Generation stamp of the source file; null from producers that send none (the log's order decides then). */
  readonly sourceGeneratedAt: Date | null;
  /** The dead letter that the record replays; left out for a record that is not a replay. */
  readonly replays?: { readonly deadLetterId: string };
}

/**
 * The id for a record. A replay that fails again keeps the id of the dead letter that it replays, so a retry does not make a second
 * dead letter.
 */
export function deadLetterIdOf(
  at: Pick<RecordBatch, "topic" | "partition">,
  record: ConsumedRecord,
  { replays }: Pick<RecordOrigin, "replays">,
  ids: DeadLetterIds,
): string {
  return replays?.deadLetterId ?? ids.ofRecord(at, record);
}

/** Why and where a record was given up, and how its log names dead letters. */
export interface RecordFailure {
  readonly stage: DeadLetterStage;
  readonly error: PermanentError;
  readonly ids: DeadLetterIds;
}

/** For a record that could not be decoded or stored. A replay that fails again gives its dead letter a new reason. */
export function deadLetterOfRecord(
  at: Pick<RecordBatch, "topic" | "partition">,
  record: ConsumedRecord,
  origin: RecordOrigin,
  { stage, error, ids }: RecordFailure,
): DeadLetter {
  const { topic, partition } = at;
  const { offset, key, value } = record;
  return createDeadLetter({
    id: deadLetterIdOf(at, record, origin, ids),
    stage,
    reason: explain(error),
    field: fieldOf(error),
    run_id: origin.runId,
    source_file: origin.sourceFile,
    source_line: origin.sourceLine,
    source_generated_at: microseconds(origin.sourceGeneratedAt),
    topic,
    partition,
    offset: Number(offset),
    key,
    value,
    schema_id: wireSchemaIdOrNull(value),
  });
}

/** For a record batch that can't be read; its bytes are the value. */
export function deadLetterOfBatch(
  at: Pick<RecordBatch, "topic" | "partition">,
  batch: UnreadableBatch,
  ids: DeadLetterIds,
): DeadLetter {
  const { topic, partition } = at;
  const { firstOffset, lastOffset, reason, bytes, damage } = batch;
  // Of a damaged batch, only the header says where the batch ends.
  const span = damage === null
    ? `offsets ${firstOffset} to ${lastOffset}`
    : "fetched again in vain";
  return createDeadLetter({
    id: ids.ofBatch(at, batch),
    stage: "fetch",
    reason: `${reason} (${span})`,
    topic,
    partition,
    offset: Number(firstOffset),
    value: bytes,
  });
}

/** The field of an error that knows which field was wrong. */
function fieldOf(error: unknown): string | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const field = (at as { field?: unknown }).field;
    if (typeof field === "string") return field;
  }
  return null;
}

function microseconds(time: Date | null): number | null {
  return time === null ? null : time.getTime() * 1000;
}
