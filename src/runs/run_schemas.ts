/**
 * The public form of runs and their files, for API responses, the queries behind them, commands and the dashboard. The types are
 * inferred from the schemas, so each shape is defined once. Field names are those of the JSON; times are ISO 8601 in UTC.
 */
import { z } from "zod";

/** Row counts of one file or run. */
export const rowCountsSchema = z.object({
  read: z.int(),
  published: z.int(),
  unchanged: z.int(),
  rejected: z.int(),
});

/** What a run reads. `parseSelection` checks requests, with better messages; this schema describes them. */
export const selectionSchema = z.union([
  z.object({ all: z.literal(true) }),
  z.object({ year: z.int() }),
  z.object({ month: z.string().meta({ example: "2024-08" }) }),
  z.object({ from: z.string().meta({ example: "2024-08-11" }), to: z.string() }),
  z.object({ days: z.int() }),
  z.object({ upload: z.string() }),
  z.object({ retry: z.string(), files: z.array(z.string()).readonly() }),
]).meta({ id: "Selection" });

/** Why a run exists. */
export const runKindSchema = z.enum(["daily", "backfill", "upload"]);

/** How far a run is. */
export const runStateSchema = z.enum(["requested", "running", "completed", "failed", "cancelled"]);

/** Who requested a run. */
export const requestedBySchema = z.enum(["schedule", "http", "cli", "boot"]);

const attempt = {
  attempt: z.int().meta({ description: "The attempt that failed, from 1." }),
  attempts: z.int().meta({ description: "How often the file is tried in all." }),
  reason: z.string(),
  retry_at: z.string().meta({
    description:
      "When the next attempt is, at the earliest: files that were not tried yet come first. In the past while the attempt begins.",
  }),
};

/** A file that waits for its next attempt. */
const deferralSchema = z.object(attempt).meta({
  id: "Deferral",
  description: "Why a file could not be read yet, and when it is tried again.",
});

/** What a run waits for. */
export const waitingSchema = z.discriminatedUnion("for", [
  z.object({ for: z.literal("file"), file: z.string(), ...attempt }).meta({
    description: "Every file that is left waits for its next attempt; this one is the next.",
  }),
  z.object({ for: z.literal("run"), run_id: z.string() }).meta({
    description: "Runs of one kind take turns: the run before this one in the queue.",
  }),
  z.object({ for: z.literal("owner") }).meta({
    description: "No process with the role producer leads, so nobody works on it.",
  }),
]).meta({ id: "Waiting" });
export type WaitingView = z.infer<typeof waitingSchema>;

/** What became of loaded rows. */
const outcome = z.int().nullable();

const run = {
  id: z.string(),
  kind: runKindSchema,
  selection: selectionSchema,
  state: runStateSchema,
  requested_by: requestedBySchema,
  requested_at: z.string(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  reason: z.string().nullable().meta({ description: "Why it failed or was cancelled." }),
  waiting: waitingSchema.nullable().meta({
    description: "What it waits for before it goes on; null when it does not wait.",
  }),
  files: z.object({ planned: z.int(), extracted: z.int(), skipped: z.int(), failed: z.int() }),
  rows: rowCountsSchema.extend({
    loaded: z.int(),
    dead: z.int(),
    new: outcome,
    changed: outcome,
    repeated: outcome,
    stale: outcome,
    duplicate: outcome,
  }).meta({
    description:
      "read = published + unchanged + rejected. `unchanged` rows say what the log already says and are not published again. `dead` counts records that could not be stored and became dead letters. Once the last record " +
      "is processed, loaded + dead = published. loaded = new + changed + repeated + stale + duplicate: trajectories added and changed, rows that say what the data store already had, rows of an older file generation, " +
      "and rows of a trajectory that its file has twice; the last three change nothing. These five are null for a run that an earlier version has loaded, in part at least.",
  }),
};

/** A run in lists. */
export const runSchema = z.object(run).meta({ id: "Run" });
export type RunView = z.infer<typeof runSchema>;

/** A file of a run. */
export const runFileSchema = z.object({
  file: z.string(),
  state: z.enum(["planned", "reading", "extracted", "skipped", "failed"]),
  size_bytes: z.int().nullable(),
  byte_offset: z.int().nullable().meta({
    description:
      "While the file is read: everything before this byte is published. Null once it is done.",
  }),
  generated_at: z.string().nullable().meta({
    description: "The generation stamp inside the file.",
  }),
  stamp_ahead: z.string().nullable().meta({
    description:
      "The generation stamp inside the file, when it lay too far ahead of the clock to be believed; generated_at is null then, and any later file may change what this one said.",
  }),
  rows: rowCountsSchema,
  reason: z.string().nullable().meta({ description: "Why it was skipped or failed." }),
  waiting: deferralSchema.nullable().meta({
    description: "While the file waits for its next attempt; null when it does not wait.",
  }),
});
export type RunFileView = z.infer<typeof runFileSchema>;

/** A run with its files. */
export const runDetailSchema = z.object({ ...run, file_list: z.array(runFileSchema) })
  .meta({ id: "RunDetail" });
export type RunDetail = z.infer<typeof runDetailSchema>;

/** Whether the run will not change again: it has ended, and the sink has processed all its records. */
export function isOver({ state, rows }: RunView): boolean {
  if (state === "requested" || state === "running") return false;
  return rows.loaded + rows.dead >= rows.published;
}
