/**
 * A run's history: selects the events and the fields that it shows, and their sentences.
 *
 * `file_progress` is left out. There is one every two seconds while a file is read, thousands in a long backfill, and each is
 * outdated by the next. GET /runs/ID shows the progress of a file.
 */
import { z } from "zod";
import type { RunEvent } from "./run_event.ts";
import { ATTEMPTS_MAX, NO_ROWS } from "./run.ts";
import { rowCountsSchema, selectionSchema } from "./run_schemas.ts";
import { describeSelection } from "./selection.ts";

/** The details of an entry. */
export const runHistoryDetailSchema = z.object({
  kind: z.string().optional().meta({ description: "requested" }),
  selection: selectionSchema.optional().meta({ description: "requested" }),
  requested_by: z.string().optional().meta({ description: "requested" }),
  owner: z.string().optional().meta({
    description: "started: the process that picked the run up.",
  }),
  files: z.int().optional().meta({
    description: "planned: how many files. GET /runs/ID lists them.",
  }),
  size_bytes: z.int().nullable().optional().meta({
    description: "file_started; null where the source does not say.",
  }),
  rows: rowCountsSchema.optional().meta({ description: "file_extracted" }),
  attempt: z.int().optional().meta({
    description: "file_deferred: which attempt failed, from 1.",
  }),
  retry_at: z.string().optional().meta({
    description: "file_deferred: when the next attempt is, at the earliest.",
  }),
  stamp_ahead: z.string().optional().meta({
    description:
      "file_extracted: the generation stamp inside the file, when it lay too far ahead of the clock to be believed.",
  }),
  reason: z.string().optional().meta({
    description: "file_skipped, file_failed, file_deferred, failed, cancelled",
  }),
}).meta({
  id: "RunEventDetail",
  description: "More about the event. Each field says which events have it.",
});
export type RunHistoryDetail = Readonly<z.infer<typeof runHistoryDetailSchema>>;

/** One event in a run's history. */
export interface RunHistoryEntry {
  /** The event's type. A newer version may have written a type that this one does not know. */
  readonly name: string;
  /** Relative to the data directory; null when the event concerns the whole run. */
  readonly file: string | null;
  readonly detail: RunHistoryDetail;
}

/** The severity of an entry. */
export type RunHistoryLevel = "info" | "warning" | "error";

/**
 * The history entry for an event; null when the history leaves it out. It depends only on the event, not on the resulting state,
 * so that a rebuild produces the same entries.
 */
export function historyEntry(event: RunEvent): RunHistoryEntry | null {
  if (event.type === "file_progress") return null;
  return {
    name: event.type,
    file: "file" in event ? event.file : null,
    detail: detailOf(event),
  };
}

function detailOf(event: Exclude<RunEvent, { type: "file_progress" }>): RunHistoryDetail {
  switch (event.type) {
    case "requested": {
      const { kind, selection, requestedBy: requested_by } = event;
      return { kind, selection, requested_by };
    }
    case "started":
      return { owner: event.owner };
    case "planned":
      return { files: event.files.length };
    case "file_started":
      return { size_bytes: event.identity.size_bytes };
    case "file_extracted":
      return {
        rows: event.rows,
        ...(event.stampAhead === undefined ? {} : { stamp_ahead: event.stampAhead.toISOString() }),
      };
    case "completed":
      return {};
    case "file_deferred": {
      const { attempt, reason, retryAt } = event;
      return { attempt, reason, retry_at: retryAt.toISOString() };
    }
    case "file_skipped":
    case "file_failed":
    case "failed":
    case "cancelled":
      return { reason: event.reason };
  }
}

const LEVELS: Readonly<Record<string, RunHistoryLevel>> = {
  file_deferred: "warning",
  file_failed: "warning",
  cancelled: "warning",
  failed: "error",
};

/** The severity of an entry. */
export function historyLevel({ name, detail }: RunHistoryEntry): RunHistoryLevel {
  if (detail.stamp_ahead !== undefined) return "warning";
  return LEVELS[name] ?? "info";
}

/** What a stamp that was not believed means. */
const sayStamp = ({ stamp_ahead }: RunHistoryDetail): string =>
  stamp_ahead === undefined
    ? ""
    : `; its stamp ${stamp_ahead} lies ahead of the clock and is ignored; any later file may change its rows`;

const count = (n: number): string => n.toLocaleString("en-US");

/** `10:04:05 UTC`. */
const timeOfDay = (iso = ""): string => `${iso.slice(11, 19)} UTC`;

/** One plain sentence for an entry. It does not name the run, which the reader knows. */
export function sayHistoryEntry({ name, file, detail }: RunHistoryEntry): string {
  const because = detail.reason === undefined ? "" : `: ${detail.reason}`;
  switch (name) {
    case "requested": {
      const what = detail.selection === undefined ? "" : `: ${describeSelection(detail.selection)}`;
      return `${detail.kind} run requested by ${detail.requested_by}${what}`;
    }
    case "started":
      return `picked up by ${detail.owner}`;
    case "planned":
      return `${count(detail.files ?? 0)} file(s) to check`;
    case "file_started":
      return `reading ${file}`;
    case "file_extracted": {
      const { read, published, unchanged, rejected } = detail.rows ?? NO_ROWS;
      return `${file}: ${count(read)} rows read, ${count(published)} published, ${
        count(unchanged)
      } unchanged, ${count(rejected)} rejected${sayStamp(detail)}`;
    }
    case "file_skipped":
      return `${file} skipped${because}`;
    case "file_deferred":
      return `${file} can't be read yet (attempt ${detail.attempt} of ${ATTEMPTS_MAX})${because}; next attempt at ${
        timeOfDay(detail.retry_at)
      }`;
    case "file_failed":
      return `${file} failed${because}`;
    case "completed":
      return "completed: every file is read or skipped";
    case "failed":
    case "cancelled":
      return `${name}${because}`;
    default:
      return [name, file].filter((part) => part !== null).join(" ") + because;
  }
}
