/**
 * What happened to a run, out of the data store: the same in every process and after every restart.
 */
import { createRoute, z } from "@hono/zod-openapi";
import { historyLevel, sayHistoryEntry } from "../runs/run_history.ts";
import type { Sql } from "../store/connection.ts";
import { readOnly } from "../store/read_only.ts";
import { readRunHistory, type StoredRunEvent } from "../store/run_history.ts";
import { type Api, json, problems } from "./openapi.ts";
import { nextLink, placeParameter, readPlace, writePlace } from "./place.ts";
import { Problem } from "./problem.ts";
import { selectionSchema } from "./run_schemas.ts";

/** A daily run has about thirty events; a backfill by days has two for each file. */
const PAGE_EVENTS = 100;
const PAGE_EVENTS_MAX = 1_000;
const TIMEOUT_MS = 5_000;
/** An offset is at most 2^63 - 1, which has 19 digits. */
const offsetPlace = z.string().regex(/^\d{1,18}$/);

const counts = z.object({ read: z.int(), published: z.int(), rejected: z.int() });

const detailSchema = z.object({
  kind: z.string().optional(),
  selection: selectionSchema.optional(),
  requested_by: z.string().optional(),
  owner: z.string().optional().openapi({ description: "The process that took the run on." }),
  files: z.int().optional().openapi({ description: "planned: how many files." }),
  size_bytes: z.int().nullable().optional(),
  rows: counts.optional(),
  reason: z.string().optional(),
}).openapi("RunEventDetail", {
  description: "What else the event says; which of it, by its name.",
});

const eventSchema = z.object({
  offset: z.string().openapi({
    description: "Of the event in the topic ingestion_run; as text: offsets have 64 bits.",
  }),
  at: z.string(),
  name: z.string().openapi({
    description: "The event's type, as in the topic's schema.",
    example: "file_extracted",
  }),
  level: z.enum(["info", "warning", "error"]),
  message: z.string().openapi({ description: "One plain sentence." }),
  file: z.string().nullable(),
  detail: detailSchema,
}).openapi("RunEvent");

const historyRoute = createRoute({
  method: "get",
  path: "/runs/{id}/history",
  summary: "What happened to a run, newest first",
  description:
    "The run's events on the topic ingestion_run, as far as they changed something; without file_progress, which GET /runs/ID has. GET /runs/ID/events tells of changes as they come.",
  tags: ["events", "runs"],
  request: {
    params: z.object({ id: z.string().openapi({ description: "Id of the run." }) }),
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(PAGE_EVENTS_MAX).default(PAGE_EVENTS),
      after: placeParameter,
    }),
  },
  responses: {
    200: json(
      z.object({ events: z.array(eventSchema), next: z.string().nullable() })
        .openapi("RunHistory"),
      "The events",
    ),
    ...problems("bad-request", "not-found", "unavailable"),
  },
});

/** Adds `GET /runs/ID/history`. */
export function addRunHistoryRoutes(app: Api, sql: () => Sql): void {
  app.openapi(historyRoute, async (context) => {
    const { id } = context.req.valid("param");
    const { limit, after } = context.req.valid("query");
    const place = readPlace(after, offsetPlace);
    const found = z.uuid().safeParse(id).success
      ? await readOnly(
        sql(),
        TIMEOUT_MS,
        (transaction) =>
          readRunHistory(transaction, id, {
            limit: limit + 1,
            before: place === null ? null : BigInt(place),
          }),
      )
      : null;
    if (found === null) {
      throw new Problem("not-found", `there is no run ${id}; GET /runs lists them`);
    }
    const shown = found.slice(0, limit);
    const last = shown.at(-1);
    const next = found.length > limit && last !== undefined ? writePlace(`${last.offset}`) : null;
    if (next !== null) context.header("link", nextLink(context.req.url, next));
    return context.json({ events: shown.map(toJson), next }, 200);
  });
}

function toJson(event: StoredRunEvent) {
  const { offset, at, name, file, detail } = event;
  return {
    offset: offset.toString(),
    at: at.toISOString(),
    name,
    level: historyLevel(event),
    message: sayHistoryEntry(event),
    file,
    detail,
  };
}
