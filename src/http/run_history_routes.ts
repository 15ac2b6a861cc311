/** The events of a run, read from the data store: the same in every process and after every restart. */
import { z } from "@hono/zod-openapi";
import { historyLevel, runHistoryDetailSchema, sayHistoryEntry } from "../runs/run_history.ts";
import type { Reader } from "../store/reader.ts";
import { readRunHistory, type StoredRunEvent } from "../store/run_history.ts";
import { type Api, readingRoute } from "./openapi.ts";
import { pageOf, placeParameter, readPlace } from "./place.ts";
import { findRun, RUN_LIMIT_MS, runParams } from "./run_lookup.ts";

/** A daily run has about thirty events; a backfill by days has two for each file. */
const PAGE_EVENTS = 100;
const PAGE_EVENTS_MAX = 1_000;
/** An offset is at most 2^63 - 1, which has 19 digits. */
const offsetPlace = z.string().regex(/^\d{1,18}$/);

const eventSchema = z.object({
  offset: z.string().openapi({
    description: "Offset of the event in the topic ingestion_run, as text: offsets have 64 bits.",
  }),
  at: z.string(),
  name: z.string().openapi({
    description: "The event's type, as in the topic's schema.",
    example: "file_extracted",
  }),
  level: z.enum(["info", "warning", "error"]),
  message: z.string().openapi({ description: "One plain sentence." }),
  file: z.string().nullable(),
  detail: runHistoryDetailSchema,
}).openapi("RunEvent");

const historyRoute = readingRoute(
  "/runs/{id}/history",
  {
    summary: "What happened to a run, newest first",
    description:
      "The run's events on the topic ingestion_run that changed something, except file_progress: GET /runs/ID shows progress. " +
      "GET /runs/ID/events sends changes as they happen.",
    tags: ["events", "runs"],
  },
  {
    params: runParams,
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(PAGE_EVENTS_MAX).default(PAGE_EVENTS),
      after: placeParameter,
    }),
  },
  z.object({ events: z.array(eventSchema), next: z.string().nullable() }).openapi("RunHistory"),
  "bad-request",
  "not-found",
);

/** Adds `GET /runs/ID/history`. */
export function addRunHistoryRoutes(app: Api, reader: () => Reader): void {
  app.openapi(historyRoute, async (context) => {
    const { id } = context.req.valid("param");
    const { limit, after } = context.req.valid("query");
    const place = readPlace(after, offsetPlace);
    const page = { limit: limit + 1, before: place === null ? null : BigInt(place) };
    const found = await findRun(
      id,
      (id) => reader().look(RUN_LIMIT_MS, (sql) => readRunHistory(sql, id, page)),
    );
    const { shown, next } = pageOf(context, found, limit, (last) => `${last.offset}`);
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
