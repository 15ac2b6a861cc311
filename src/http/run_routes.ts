/**
 * Asking for runs and looking at them.
 */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";

import type { RunKind, Selection } from "../runs/run_event.ts";
import { parseSelection, SelectionError } from "../runs/selection.ts";
import type { ApiPorts } from "./api_ports.ts";
import { type Api, CHANGING, json, problems, TOKEN } from "./openapi.ts";
import { Problem } from "./problem.ts";
import {
  acceptedSchema,
  previewSchema,
  runDetailSchema,
  runSchema,
  selectionSchema,
} from "./run_schemas.ts";

/** Runs on one page, and at most. */
const PAGE_RUNS = 50;
const PAGE_MAX_RUNS = 500;

/** A caller's key is kept for ever; UUIDs and the like are far shorter. */
const IDEMPOTENCY_KEY_MAX_CHARACTERS = 200;

const runId = z.uuid();
const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(PAGE_MAX_RUNS).default(PAGE_RUNS),
  before: runId.optional(),
});

const backfillQuery = z.object({
  dry_run: z.enum(["true", "false"], "true or false").default("false"),
});

const tags = ["runs"];
const params = z.object({ id: z.string().openapi({ description: "Id of the run." }) });
const headers = z.object({
  "idempotency-key": z.string().optional().openapi({
    description: "The same key again is the same run, not a second one.",
  }),
});

const backfillRoute = createRoute({
  method: "post",
  path: "/backfill",
  summary: "Ask for a run over history, or look at what it would take",
  tags,
  security: TOKEN,
  request: {
    query: backfillQuery,
    headers,
    body: {
      required: true,
      content: { "application/json": { schema: selectionSchema, example: { month: "2024-08" } } },
    },
  },
  responses: {
    200: json(previewSchema, "With dry_run=true: what it would take"),
    202: json(acceptedSchema, "The run is asked for; Location leads to it"),
    ...problems(...CHANGING, "bad-request", "conflict", "too-large", "unsupported-media-type"),
  },
});

const extractRoute = createRoute({
  method: "post",
  path: "/extract",
  summary: "Ask for the daily run now",
  tags,
  security: TOKEN,
  request: {
    headers,
    body: {
      description:
        "How many days back; without days, or without a body, as many as the schedule takes.",
      content: {
        "application/json": {
          schema: z.object({ days: z.int().optional() }),
          example: { days: 10 },
        },
      },
    },
  },
  responses: {
    202: json(acceptedSchema, "The run is asked for; Location leads to it"),
    ...problems(...CHANGING, "bad-request", "conflict", "too-large", "unsupported-media-type"),
  },
});

const listRoute = createRoute({
  method: "get",
  path: "/runs",
  summary: "Runs, newest first",
  tags,
  request: { query: pageQuery },
  responses: {
    200: json(z.object({ runs: z.array(runSchema) }).openapi("Runs"), "The runs"),
    ...problems("bad-request", "unavailable"),
  },
});

const oneRoute = createRoute({
  method: "get",
  path: "/runs/{id}",
  summary: "One run with its files",
  tags,
  request: { params },
  responses: { 200: json(runDetailSchema, "The run"), ...problems("not-found", "unavailable") },
});

const cancelRoute = createRoute({
  method: "post",
  path: "/runs/{id}/cancel",
  summary: "End a run; what it published stays",
  tags,
  security: TOKEN,
  request: { params },
  responses: {
    200: json(z.object({ run_id: z.string(), state: z.string() }), "The run has ended"),
    ...problems(...CHANGING, "not-found", "conflict"),
  },
});

const retryRoute = createRoute({
  method: "post",
  path: "/runs/{id}/retry",
  summary: "Ask for a run that takes what a failed or cancelled one did not",
  tags,
  security: TOKEN,
  request: { params, headers },
  responses: {
    202: json(acceptedSchema, "The new run is asked for; Location leads to it"),
    ...problems(...CHANGING, "bad-request", "not-found", "conflict"),
  },
});

interface RunRouteOptions {
  readonly ports: ApiPorts;
  readonly extractDays: number;
}

/** Adds `POST /backfill`, `POST /extract`, `GET /runs`, `GET /runs/ID`, `POST /runs/ID/cancel`, `POST /runs/ID/retry`. */
export function addRunRoutes(app: Api, options: RunRouteOptions): void {
  addRequestRoutes(app, options);
  const { ports } = options;

  app.openapi(listRoute, async (context) => {
    const { limit, before } = context.req.valid("query");
    const runs = await ports.listRuns({ limit, before: before ?? null });
    const last = runs.at(-1);
    if (runs.length === limit && last !== undefined) {
      context.header("link", `</runs?limit=${limit}&before=${last.id}>; rel="next"`);
    }
    return context.json({ runs }, 200);
  });

  app.openapi(oneRoute, async (context) => {
    const found = await ofRun(context.req.valid("param").id, (id) => ports.getRun(id));
    return context.json({ ...found.run, file_list: found.files }, 200);
  });

  app.openapi(cancelRoute, async (context) => {
    const { id } = context.req.valid("param");
    const { state } = await ofRun(id, (id) => ports.cancelRun(id));
    return context.json({ run_id: id, state }, 200);
  });

  app.openapi(retryRoute, async (context) => {
    const key = idempotencyKey(context);
    const retry = await ofRun(context.req.valid("param").id, (id) => ports.retryRun(id, key));
    return accepted(context, retry);
  });
}

/**
 * What asks for a new run. The bodies are described by a schema, and read by `parseSelection`: its refusals say which field, which
 * value, what is allowed and which call to make instead; and curl's `-d`, which calls JSON a form, stays short.
 */
function addRequestRoutes(app: Api, { ports, extractDays }: RunRouteOptions): void {
  app.openAPIRegistry.registerPath(backfillRoute);
  app.post("/backfill", async (context) => {
    const selection = parseSelection(await jsonBody(context));
    if ("days" in selection || "upload" in selection) {
      throw new SelectionError(
        Object.keys(selection)[0]!,
        `a backfill takes all, year, month, or from with to, not ${JSON.stringify(selection)}`,
        "POST /extract takes days",
      );
    }
    const query = backfillQuery.safeParse(context.req.query());
    if (!query.success) {
      throw new Problem(
        "bad-request",
        `query parameter dry_run: ${query.error.issues[0]?.message}`,
      );
    }
    if (query.data.dry_run === "false") return await accept(context, ports, "backfill", selection);
    return context.json({ dry_run: true, selection, ...await ports.previewRun(selection) });
  });

  app.openAPIRegistry.registerPath(extractRoute);
  app.post("/extract", async (context) => {
    const selection = parseSelection(windowOr(extractDays, await jsonBody(context, {})));
    if (!("days" in selection)) {
      throw new SelectionError(
        "days",
        `an extraction takes days, not ${JSON.stringify(selection)}`,
        "POST /backfill takes the rest",
      );
    }
    return await accept(context, ports, "daily", selection);
  });
}

/** A body that says nothing (`{}`, or none at all) asks for the schedule's own window. */
function windowOr(days: number, body: unknown): unknown {
  const saysNothing = typeof body === "object" && body !== null && !Array.isArray(body) &&
    Object.keys(body).length === 0;
  return saysNothing ? { days } : body;
}

/** What there is of the run. @throws Problem when there is no such run */
async function ofRun<Found>(
  id: string,
  look: (id: string) => Promise<Found | null>,
): Promise<Found> {
  const found = runId.safeParse(id).success ? await look(id) : null;
  if (found === null) throw new Problem("not-found", `there is no run ${id}; GET /runs lists them`);
  return found;
}

async function accept(
  context: Context,
  ports: ApiPorts,
  kind: "daily" | "backfill",
  selection: Selection,
): Promise<ReturnType<typeof accepted>> {
  const { runId, isNew } = await ports.requestRun(kind, selection, idempotencyKey(context));
  return accepted(context, { runId, isNew, kind, selection });
}

function accepted(
  context: Context,
  { runId, isNew, kind, selection }: {
    runId: string;
    isNew: boolean;
    kind: RunKind;
    selection: Selection;
  },
) {
  context.header("location", `/runs/${runId}`);
  return context.json({ run_id: runId, kind, selection, is_new: isNew }, 202);
}

/** The header Idempotency-Key. @throws Problem when it is empty or too long */
export function idempotencyKey(context: Context): string | null {
  const key = context.req.header("idempotency-key") ?? null;
  if (key !== null && (key.length === 0 || key.length > IDEMPOTENCY_KEY_MAX_CHARACTERS)) {
    throw new Problem(
      "bad-request",
      `Idempotency-Key must have 1 to ${IDEMPOTENCY_KEY_MAX_CHARACTERS} characters`,
    );
  }
  return key;
}

/** The JSON body, or `fallback` when there is none. */
async function jsonBody(context: Context, fallback?: unknown): Promise<unknown> {
  const text = await context.req.text();
  if (text.trim() === "") {
    if (fallback !== undefined) return fallback;
    throw new Problem(
      "bad-request",
      `the request has no body; send JSON such as {"month":"2024-08"}`,
    );
  }
  const type = context.req.header("content-type") ?? "";
  // curl's -d sends a form type unless told otherwise; the text decides, and the README's examples stay short.
  if (!/json|x-www-form-urlencoded|^$/.test(type)) {
    throw new Problem(
      "unsupported-media-type",
      `send JSON (content-type: application/json), not ${type}`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem("bad-request", `the body is not JSON: ${(error as Error).message}`);
  }
}
