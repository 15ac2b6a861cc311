/**
 * Converts run events to the flat record of `schemas/ingestion_run_event.avsc`, and back.
 *
 * The topic outlives the code. A record of an unknown type (its enum symbol is read as `unknown`), or one that lacks a field its
 * type needs, is read as null, without an exception, and the fold skips it.
 */
import { EVENT_AHEAD_MS_MAX, isAhead } from "./file_stamp.ts";
import type {
  FileExtracted,
  FileIdentity,
  FileProgress,
  NextOffsets,
  RunEvent,
} from "./run_event.ts";
import type { Leads } from "./run_leader.ts";
import { requestedBySchema, runKindSchema } from "./run_schemas.ts";
import { selectionOf } from "./selection.ts";

/** The fields that only some types use, in the order of the schema, all null. */
const UNUSED = {
  kind: null as string | null,
  selection: null as string | null,
  requested_by: null as string | null,
  idempotency_key: null as string | null,
  owner: null as string | null,
  files: null as string[] | null,
  file: null as string | null,
  file_size_bytes: null as number | null,
  file_etag: null as string | null,
  file_last_modified: null as string | null,
  file_listed: null as string | null,
  file_generated_at: null as number | null,
  byte_offset: null as number | null,
  line_number: null as number | null,
  rows_read: null as number | null,
  rows_published: null as number | null,
  rows_rejected: null as number | null,
  next_offsets: null as Record<string, number> | null,
  reason: null as string | null,
  rows_unchanged: null as number | null,
  epoch: null as number | null,
  attempt: null as number | null,
  retry_at: null as number | null,
  file_stamp_ahead: null as number | null,
  rows_published_by: null as Record<string, number> | null,
};

/** The flat record of an event. Times are microseconds since 1970, UTC. */
export type RunEventRecord = { run_id: string; type: string; at: number } & typeof UNUSED;

const MICROSECONDS = 1000;

/** Key of the records that say who leads: they are of no run. */
const LEADS_KEY = "leads";

/** The key of an event's record. */
export function keyOf(event: RunEvent | Leads): string {
  return "runId" in event ? event.runId : LEADS_KEY;
}

/** The record of an event; fields that its type does not use are null. */
export function toRecord(event: RunEvent | Leads): RunEventRecord {
  return {
    run_id: "runId" in event ? event.runId : "",
    type: event.type,
    at: event.at.getTime() * MICROSECONDS,
    ...UNUSED,
    epoch: event.epoch ?? null,
    ...fieldsOf(event),
  };
}

function fieldsOf(event: RunEvent | Leads): Partial<RunEventRecord> {
  switch (event.type) {
    case "requested":
      return {
        kind: event.kind,
        selection: JSON.stringify(event.selection),
        requested_by: event.requestedBy,
        idempotency_key: event.idempotencyKey,
      };
    case "started":
    case "leads":
      return { owner: event.owner };
    case "planned":
      return { files: [...event.files] };
    case "file_started":
      return { file: event.file, ...identityFields(event.identity) };
    case "file_progress":
      return {
        file: event.file,
        ...rowFields(event),
        byte_offset: event.checkpoint.byteOffset,
        line_number: event.checkpoint.lineNumber,
        ...(event.nextOffsets === undefined ? {} : { next_offsets: { ...event.nextOffsets } }),
      };
    case "file_extracted":
      return {
        file: event.file,
        ...identityFields(event.identity),
        ...rowFields(event),
        file_stamp_ahead: event.stampAhead === undefined
          ? null
          : event.stampAhead.getTime() * MICROSECONDS,
        next_offsets: { ...event.nextOffsets },
      };
    case "file_skipped":
      return {
        file: event.file,
        reason: event.reason,
        ...(event.identity === undefined ? {} : identityFields(event.identity)),
      };
    case "file_deferred":
      return {
        file: event.file,
        attempt: event.attempt,
        reason: event.reason,
        retry_at: event.retryAt.getTime() * MICROSECONDS,
      };
    case "file_failed":
      return { file: event.file, reason: event.reason };
    case "completed":
      return { next_offsets: { ...event.nextOffsets } };
    case "failed":
    case "cancelled":
      return { reason: event.reason };
  }
}

function identityFields(identity: FileIdentity): Partial<RunEventRecord> {
  return {
    file_size_bytes: identity.size_bytes,
    file_etag: identity.etag,
    file_last_modified: identity.lastModified,
    file_listed: identity.listed,
  };
}

function rowFields(
  { rows, generatedAt, publishedBy }: Pick<FileProgress, "rows" | "generatedAt" | "publishedBy">,
): Partial<RunEventRecord> {
  return {
    file_generated_at: generatedAt === null ? null : generatedAt.getTime() * MICROSECONDS,
    rows_read: rows.read,
    rows_published: rows.published,
    rows_rejected: rows.rejected,
    rows_unchanged: rows.unchanged,
    rows_published_by: publishedBy === undefined ? null : { ...publishedBy },
  };
}

/** What a decoded record says about who leads; null if it is an event of a run. */
export function leadsFromRecord({ type, at, epoch, owner }: RunEventRecord): Leads | null {
  if (type !== "leads" || epoch === null || owner === null) return null;
  return { type, at: new Date(at / MICROSECONDS), epoch, owner };
}

/** The event of a decoded record; null if it is not of a run, or this version does not understand it. */
export function fromRecord(record: RunEventRecord): RunEvent | null {
  const of = {
    runId: record.run_id,
    at: new Date(record.at / MICROSECONDS),
    ...(record.epoch === null ? {} : { epoch: record.epoch }),
  };
  const { file, reason } = record;
  switch (record.type) {
    case "requested": {
      const selection = selectionOf(record.selection);
      const kind = runKindSchema.safeParse(record.kind).data;
      const requestedBy = requestedBySchema.safeParse(record.requested_by).data;
      if (selection === null || kind === undefined || requestedBy === undefined) return null;
      const { idempotency_key: idempotencyKey } = record;
      return { type: "requested", ...of, kind, selection, requestedBy, idempotencyKey };
    }
    case "started":
      return { type: "started", ...of, owner: record.owner ?? "" };
    case "planned":
      return record.files && { type: "planned", ...of, files: [...record.files] };
    case "file_started":
      if (file === null) return null;
      return { type: "file_started", ...of, file, identity: identityOf(record) };
    case "file_progress":
      return progressOf(record, of);
    case "file_extracted":
      if (file === null) return null;
      return {
        type: "file_extracted",
        ...of,
        file,
        identity: identityOf(record),
        ...extractedStampOf(record, of),
        ...rowsOf(record),
        nextOffsets: offsetsOf(record),
      };
    case "file_skipped": {
      if (file === null) return null;
      const identity = identityOf(record);
      const isKnown = Object.values(identity).some((value) => value !== null);
      return {
        type: "file_skipped",
        ...of,
        file,
        reason: reason ?? "",
        ...(isKnown ? { identity } : {}),
      };
    }
    case "file_deferred": {
      const { attempt, retry_at } = record;
      const retryAt = dateOf(retry_at);
      if (file === null || attempt === null || retryAt === null) return null;
      return { type: "file_deferred", ...of, file, attempt, reason: reason ?? "", retryAt };
    }
    case "file_failed":
      return file === null ? null : { type: "file_failed", ...of, file, reason: reason ?? "" };
    case "completed":
      return { type: "completed", ...of, nextOffsets: offsetsOf(record) };
    case "failed":
    case "cancelled":
      return { type: record.type, ...of, reason: reason ?? "" };
    default:
      return null;
  }
}

function progressOf(
  record: RunEventRecord,
  of: Pick<RunEvent, "runId" | "at" | "epoch">,
): RunEvent | null {
  const { file, byte_offset: byteOffset, line_number: lineNumber } = record;
  if (file === null || byteOffset === null || lineNumber === null) return null;
  return {
    type: "file_progress",
    ...of,
    file,
    generatedAt: stampOf(record, of).generatedAt,
    checkpoint: { byteOffset, lineNumber },
    ...rowsOf(record),
    ...(record.next_offsets === null ? {} : { nextOffsets: offsetsOf(record) }),
  };
}

/** The stamp of the file, and one that is not believed: earlier versions believed every stamp. */
function stampOf(
  { file_generated_at, file_stamp_ahead }: RunEventRecord,
  { at }: Pick<RunEvent, "at">,
): { generatedAt: Date | null; stampAhead: Date | null } {
  const stamp = dateOf(file_generated_at);
  return stamp !== null && isAhead(stamp, at, EVENT_AHEAD_MS_MAX)
    ? { generatedAt: null, stampAhead: stamp }
    : { generatedAt: stamp, stampAhead: dateOf(file_stamp_ahead) };
}

function extractedStampOf(
  record: RunEventRecord,
  of: Pick<RunEvent, "at">,
): Pick<FileExtracted, "generatedAt" | "stampAhead"> {
  const { generatedAt, stampAhead } = stampOf(record, of);
  return stampAhead === null ? { generatedAt } : { generatedAt, stampAhead };
}

function identityOf(record: RunEventRecord): FileIdentity {
  return {
    size_bytes: record.file_size_bytes,
    etag: record.file_etag,
    lastModified: record.file_last_modified,
    listed: record.file_listed,
  };
}

function rowsOf(record: RunEventRecord): Pick<FileProgress, "rows" | "publishedBy"> {
  const rows = {
    read: record.rows_read ?? 0,
    published: record.rows_published ?? 0,
    unchanged: record.rows_unchanged ?? 0,
    rejected: record.rows_rejected ?? 0,
  };
  const { rows_published_by } = record;
  return rows_published_by === null ? { rows } : { rows, publishedBy: { ...rows_published_by } };
}

function offsetsOf(record: RunEventRecord): NextOffsets {
  return { ...record.next_offsets };
}

function dateOf(microseconds: number | null): Date | null {
  return microseconds === null ? null : new Date(microseconds / MICROSECONDS);
}
