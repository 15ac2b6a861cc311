/**
 * The record to publish for a dead letter, or why it can't be replayed.
 *
 *     decode, load: the record as it was
 *     read: the line ──read again──▶ a record, or a new reason
 *     fetch: none, because it is about a whole record batch; the dead letter keeps its reason
 */
import type { Buffer } from "node:buffer";
import { explain, PermanentError } from "@gmn/failures";
import type { OutgoingRecord } from "../events/publisher.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { HEADERS, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import { createTrajectoryDecoders, encodeTrajectory } from "../trajectory/codec.ts";
import { rereadLine } from "../trajectory/reread_line.ts";
import { Rejection } from "../trajectory/row.ts";
import { wireSchemaId } from "../wire_format/wire_header.ts";
import type { DeadLetter } from "./dead_letter.ts";

/** Why there is no record to publish. */
export class ReplayFailure {
  constructor(
    readonly reason: string,
    readonly field: string | null,
    /** Whether this becomes the reason of the dead letter; otherwise it keeps the one it has. */
    readonly isNew = true,
  ) {}
}

/** Why a dead letter of the stage `fetch` can't be replayed. */
export const NO_RECORD =
  "it is about a whole record batch, not a record that could be published again; once the batch can be read " +
  "(by a version that knows its codec, or from a repaired log), `deno task rebuild` loads it from its place in the log";

/** Makes the record to publish for a dead letter. @throws TransientError when the registry is unavailable */
export type RecordOf = (deadLetter: DeadLetter) => Promise<OutgoingRecord | ReplayFailure>;

/** @param schemaId the id under which summaries are written */
export function createRecordOf(
  registry: Pick<SchemaRegistry, "writerSchema">,
  schemaId: number,
): RecordOf {
  const trajectoryOf = createIdentifier(registry);
  return async (deadLetter) => {
    const { stage, topic, key, value } = deadLetter;
    if (stage === "fetch") return new ReplayFailure(NO_RECORD, null, false);
    if (stage === "read") return recordOfLine(deadLetter, schemaId);
    if (topic !== TRAJECTORY_SUMMARY_RAW.name) {
      return new ReplayFailure(
        `a dead letter of stage ${stage} can't be replayed by this version`,
        null,
      );
    }
    return {
      // A record without a key gets its trajectory's id as key, so that it is in order with the trajectory's other records.
      key: textOf(key) ?? (value === null ? null : await trajectoryOf(value)),
      value,
      headers: headersOf(deadLetter),
    };
  };
}

function recordOfLine(deadLetter: DeadLetter, schemaId: number): OutgoingRecord | ReplayFailure {
  const summary = rereadLine(deadLetter.text ?? "", deadLetter.columns);
  if (summary instanceof Rejection) return new ReplayFailure(summary.reason, summary.field);
  try {
    return {
      key: summary.unique_trajectory_identifier,
      value: encodeTrajectory(summary, schemaId),
      headers: headersOf(deadLetter),
    };
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    return new ReplayFailure(explain(error), null);
  }
}

/** Where the record originally came from, as far as the dead letter knows. */
function headersOf(deadLetter: DeadLetter): Record<string, string> {
  const { id, run_id, source_file, source_line, source_generated_at } = deadLetter;
  return {
    ...(run_id === null ? {} : { [HEADERS.runId]: run_id }),
    ...(source_file === null ? {} : { [HEADERS.sourceFile]: source_file }),
    ...(source_line === null ? {} : { [HEADERS.sourceLine]: String(source_line) }),
    ...(source_generated_at === null
      ? {}
      : { [HEADERS.sourceGeneratedAt]: new Date(source_generated_at / 1000).toISOString() }),
    [HEADERS.deadLetterId]: id,
  };
}

/** The text of a key. A key that is not UTF-8 counts as missing: the id inside the value is used instead. */
function textOf(key: Buffer | null): string | null {
  if (key === null) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(key);
  } catch {
    return null;
  }
}

/** The trajectory of a value; null when the value can't be decoded (yet). */
function createIdentifier(
  registry: Pick<SchemaRegistry, "writerSchema">,
): (value: Buffer) => Promise<string | null> {
  const decoderOf = createTrajectoryDecoders((schemaId) => registry.writerSchema(schemaId));
  return async (value) => {
    try {
      const decode = await decoderOf(wireSchemaId(value));
      return decode(value).unique_trajectory_identifier;
    } catch (error) {
      if (error instanceof PermanentError) return null;
      throw error;
    }
  };
}
