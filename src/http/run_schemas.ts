/**
 * Runs, their files and the schedule in the API's answers.
 */
import { z } from "@hono/zod-openapi";

const counts = { read: z.int(), published: z.int(), rejected: z.int() };

/** What a run takes. Requests are checked by `parseSelection`, whose messages say more; this is its description. */
export const selectionSchema = z.union([
  z.object({ all: z.literal(true) }),
  z.object({ year: z.int() }),
  z.object({ month: z.string().openapi({ example: "2024-08" }) }),
  z.object({ from: z.string().openapi({ example: "2024-08-11" }), to: z.string() }),
  z.object({ days: z.int() }),
  z.object({ upload: z.string() }),
  z.object({ retry: z.string(), files: z.array(z.string()).readonly() }),
]).openapi("Selection");

const run = {
  id: z.string(),
  kind: z.enum(["daily", "backfill", "upload"]),
  selection: selectionSchema,
  state: z.enum(["requested", "running", "completed", "failed", "cancelled"]),
  requested_by: z.string(),
  requested_at: z.string(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  reason: z.string().nullable().openapi({ description: "Why it failed or was cancelled." }),
  files: z.object({
    planned: z.int(),
    extracted: z.int(),
    skipped: z.int(),
    failed: z.int(),
  }),
  rows: z.object({
    ...counts,
    loaded: z.int(),
    dead: z.int(),
  }).openapi({
    description: "read = published + rejected; all is loaded when loaded + dead = published.",
  }),
};

/** A run in lists. */
export const runSchema = z.object(run).openapi("Run");

/** A run with its files. */
export const runDetailSchema = z.object({
  ...run,
  file_list: z.array(z.object({
    file: z.string(),
    state: z.string().openapi({ description: "planned, reading, extracted, skipped or failed." }),
    size_bytes: z.int().nullable(),
    byte_offset: z.int().nullable().openapi({
      description: "While it is read: everything before this byte is published.",
    }),
    generated_at: z.string().nullable(),
    rows: z.object(counts),
    reason: z.string().nullable(),
  })),
}).openapi("RunDetail");

/** The answer to a request for a run. */
export const acceptedSchema = z.object({
  run_id: z.string(),
  kind: z.string(),
  selection: selectionSchema,
  is_new: z.boolean().openapi({
    description: "False when the Idempotency-Key stands for a run of before: this is that one.",
  }),
}).openapi("AcceptedRun");

/** What a backfill would take. */
export const previewSchema = z.object({
  dry_run: z.literal(true),
  selection: selectionSchema,
  files: z.array(z.object({
    file: z.string(),
    listed: z.string().nullable(),
    modified: z.string().nullable(),
    size_bytes: z.int().nullable(),
    skip: z.string().nullable().openapi({ description: "Why it would not be read." }),
  })),
  nothing: z.string().nullable().openapi({ description: "Why nothing would be taken." }),
}).openapi("Preview");

/** The schedule of the daily run. */
export const scheduleSchema = z.object({
  pattern: z.string(),
  next: z.string().nullable(),
  paused_since: z.string().nullable(),
  leader: z.boolean().openapi({ description: "Whether this process is the one that fires." }),
  problem: z.string().nullable(),
}).openapi("Schedule");

/** The IAU's list of showers that names come from. */
const showerListSchema = z.object({
  in_use: z.enum(["shipped", "fetched"]).nullable().openapi({
    description:
      "Which list names come from: the one this service ships, or a newer one that was fetched, which always wins; null while none is loaded.",
  }),
  source: z.string().nullable().openapi({
    description: "Where it was read: an address, or the name of the shipped list.",
  }),
  state_of: z.string().nullable().openapi({
    description: "Month of the shipped list, YYYY-MM; null for a fetched one.",
    example: "2021-11",
  }),
  fetched_at: z.string().nullable().openapi({
    description:
      "When it was fetched; null for the shipped list, or when the database was made anew since.",
  }),
  showers: z.int(),
  address: z.string().nullable().openapi({
    description: "What is fetched, as IAU_SHOWER_URL says; null: nothing.",
  }),
  note: z.string().nullable().openapi({
    description:
      "Why there is no newer list, from the process that fetches it; null: nothing is wrong.",
  }),
}).openapi("ShowerList");

const part = z.object({ ready: z.boolean(), detail: z.string() });

/** `GET /status`. */
export const statusSchema = z.object({
  version: z.string(),
  started_at: z.string(),
  roles: z.array(z.string()),
  parts: z.object({ broker: part, registry: part, database: part, consumer: part }),
  schedule: scheduleSchema.nullable(),
  shower_list: showerListSchema.nullable().openapi({
    description: "The IAU's list of showers; null while the service starts.",
  }),
  lag: z.array(z.object({
    topic: z.string(),
    partition: z.int(),
    position: z.string(),
    end: z.string(),
    lag: z.int(),
  })),
  store: z.object({ meteors: z.int(), dead_letters: z.int() }).nullable(),
}).openapi("Status");
