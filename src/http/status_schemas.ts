/** The state of the service in the API's answers; the types that the service fills are inferred. */
import { z } from "@hono/zod-openapi";
import { runSchema } from "../runs/run_schemas.ts";

/** The schedule of the daily run. */
export const scheduleSchema = z.object({
  pattern: z.string(),
  next: z.string().nullable().openapi({ description: "Null while it is paused." }),
  paused_since: z.string().nullable(),
  leader: z.boolean().openapi({ description: "Whether this process fires the schedule." }),
  problem: z.string().nullable().openapi({
    description: "Why it is unknown whether the schedule is paused; else null.",
  }),
}).openapi("Schedule");
export type ScheduleView = z.infer<typeof scheduleSchema>;

/** The IAU's list of showers, the source of their names. */
const showerListSchema = z.object({
  in_use: z.enum(["shipped", "fetched"]).nullable().openapi({
    description:
      "Where shower names come from: the list shipped with this service, or a newer one that was fetched, which always wins. " +
      "Null until a list is loaded.",
  }),
  source: z.string().nullable().openapi({
    description: "Where the list was read: an address, or the name of the shipped list.",
  }),
  state_of: z.string().nullable().openapi({
    description: "Month of the shipped list, YYYY-MM; null for a fetched list.",
    example: "2021-11",
  }),
  fetched_at: z.string().nullable().openapi({
    description:
      "When the list was fetched. Null for the shipped list, and after the database was rebuilt.",
  }),
  showers: z.int(),
  address: z.string().nullable().openapi({
    description:
      "Where the list is fetched from, as set by IAU_SHOWER_URL; null when fetching is off.",
  }),
  note: z.string().nullable().openapi({
    description:
      "Why there is no newer list, as seen by the process that fetches it; null when nothing is wrong.",
  }),
}).openapi("ShowerList");
export type ShowerListView = z.infer<typeof showerListSchema>;

/** A part of the service: whether it works, and in plain words what it is or why it is not ready. */
const partSchema = z.object({ ready: z.boolean(), detail: z.string() });
export type PartStatus = z.infer<typeof partSchema>;

/** The disk that an embedded engine writes to. */
const diskSchema = z.object({
  path: z.string(),
  free_bytes: z.int(),
  size_bytes: z.int(),
  limit_bytes: z.int().openapi({
    description: "With less than this free, nothing is published (DISK_FREE_MIN_MB).",
  }),
  state: z.enum(["ok", "low", "full"]),
}).openapi("Disk");

/** The disks that this process watches. */
const disksSchema = z.object({ log: diskSchema.nullable(), database: diskSchema.nullable() })
  .openapi("Disks");
export type DisksView = z.infer<typeof disksSchema>;

/** Whether the log is the one that the data store was built from, and what can be done when it is not. */
const logSchema = z.object({
  log_id: z.string().nullable().openapi({ description: "Id of the log; null when it has none." }),
  bound_log_id: z.string().nullable().openapi({
    description: "Id of the log that the data store was built from; null before the first start.",
  }),
  data_store_id: z.string(),
  verdict: z.enum([
    "ok",
    "another",
    "emptied",
    "shorter",
    "truncated",
    "diverged",
    "taken",
  ]).openapi({
    description:
      "ok: work goes on. Anything else: nothing is published or loaded until it is decided.",
  }),
  summary: z.string().nullable().openapi({
    description: "What is wrong, in a sentence; else null.",
  }),
  found: z.array(z.string()).openapi({ description: "What was found, with the numbers." }),
  decisions: z.array(z.object({ command: z.string(), effect: z.string() })).openapi({
    description: "The commands that decide; empty when nothing is wrong.",
  }),
  page: z.string().nullable().openapi({ description: "The runbook's page for this case." }),
}).openapi("LogIdentity");
export type LogView = z.infer<typeof logSchema>;

/** `GET /status`. */
export const statusSchema = z.object({
  version: z.string(),
  started_at: z.string(),
  roles: z.array(z.string()),
  parts: z.object({
    broker: partSchema,
    registry: partSchema,
    log: partSchema,
    database: partSchema,
    disk: partSchema,
    consumer: partSchema,
    runs: partSchema.openapi({
      description: "Not ready while a run waits and no process leads for half a minute.",
    }),
  }),
  log_damage: z.array(z.object({
    topic: z.string(),
    partition: z.int(),
    first_offset: z.string(),
    last_offset: z.string(),
    reason: z.string(),
    repaired: z.boolean().openapi({
      description: "Whether `deno task log repair` has published again what the range held.",
    }),
  })).openapi({
    description:
      "Ranges of the log that the embedded broker's checks found damaged since this process started; offsets are inclusive.",
  }),
  disks: disksSchema.openapi({
    description: "Null for an engine that is not this process's, and while the service starts.",
  }),
  log: logSchema.nullable().openapi({ description: "Null while the service starts." }),
  schedule: scheduleSchema.nullable().openapi({
    description: "Null in a process without the role producer.",
  }),
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
  runs: z.array(runSchema).nullable().openapi({
    description:
      "Runs that have not ended, oldest first, at most 20: GET /runs lists all. Null while the database is unavailable.",
  }),
  store: z.object({ meteors: z.int(), dead_letters: z.int() }).nullable(),
}).openapi("Status");
export type ServiceStatus = z.infer<typeof statusSchema>;

/** `GET /readyz`. */
export const readinessSchema = z.object({
  status: z.enum(["ready", "not ready"]),
  not_ready: z.record(z.string(), z.string()).openapi({
    description: "Parts that are not ready, by name, with the reason.",
  }),
}).openapi("Readiness");
