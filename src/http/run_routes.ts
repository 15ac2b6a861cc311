/** Requesting runs and reading them. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { RunDesk } from "../producer/run_desk.ts";
import type { RunEngine, RunRequest } from "../producer/run_engine.ts";
import type { RunState } from "../runs/run.ts";
import { runDetailSchema, runSchema, selectionSchema } from "../runs/run_schemas.ts";
import { assertSameRequest } from "../runs/same_request.ts";
import { describeSelection, parseSelection, SelectionError } from "../runs/selection.ts";
import type { Reader } from "../store/reader.ts";
import { getRunView, listRunViews } from "../store/run_views.ts";
import { type Api, changingRoute, json, readingRoute } from "./openapi.ts";
import { Problem, type ProblemType } from "./problem.ts";
import { idempotencyKey } from "./idempotency_key.ts";
import { findRun, RUN_LIMIT_MS, runParams as params, untilVisible } from "./run_lookup.ts";
import { withOwn } from "./own_runs.ts";
import { acceptedSchema, type PreviewedFile, previewSchema } from "./run_schemas.ts";

/** Runs on one page: the default and the maximum. */
const PAGE_RUNS = 50;
const PAGE_MAX_RUNS = 500;

const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(PAGE_MAX_RUNS).default(PAGE_RUNS),
  before: z.uuid().optional(),
});

const backfillQuery = z.object({
  dry_run: z.enum(["true", "false"], "true or false").default("false"),
});

const tags = ["runs"];
const headers = z.object({
  "idempotency-key": z.string().optional().openapi({
    description: "A request repeated with the same key gets the same run, not a second one.",
  }),
});

/** A call that requests a run. */
function requestRoute<Path extends string, Parts extends object>(
  path: Path,
  summary: string,
  request: Parts,
  ...more: ProblemType[]
) {
  const answers = { 202: json(acceptedSchema, "The run is requested; Location leads to it") };
  const parts = { headers, ...request };
  return changingRoute(path, { summary, tags }, parts, answers, "bad-request", "conflict", ...more);
}
const BODY_PROBLEMS = ["too-large", "unsupported-media-type"] as const;

const backfill = requestRoute("/backfill", "Request a backfill, or list the files it would read", {
  query: backfillQuery,
  body: {
    required: true,
    content: { "application/json": { schema: selectionSchema, example: { month: "2024-08" } } },
  },
}, ...BODY_PROBLEMS);
const backfillRoute = {
  ...backfill,
  responses: {
    200: json(previewSchema, "With dry_run=true: what it would read"),
    ...backfill.responses,
  },
};

const extractRoute = requestRoute("/extract", "Request the daily run now", {
  body: {
    description:
      "How many days to look back. By default, also without a body, as many as the schedule does.",
    content: {
      "application/json": {
        schema: z.object({ days: z.int().optional() }),
        example: { days: 10 },
      },
    },
  },
}, ...BODY_PROBLEMS);

const retryRoute = requestRoute(
  "/runs/{id}/retry",
  "Retry a failed or cancelled run: request a run for the files it did not complete",
  { params },
  "not-found",
);

const listRoute = readingRoute(
  "/runs",
  { summary: "Runs, newest first", tags },
  { query: pageQuery },
  z.object({ runs: z.array(runSchema) }).openapi("Runs"),
  "bad-request",
);

const oneRoute = readingRoute(
  "/runs/{id}",
  { summary: "One run with its files", tags },
  { params },
  runDetailSchema,
  "not-found",
);

const cancelRoute = changingRoute(
  "/runs/{id}/cancel",
  { summary: "Cancel a run; what it published stays", tags },
  { params },
  { 200: json(z.object({ run_id: z.string(), state: z.string() }), "The run has ended") },
  "not-found",
  "conflict",
);

/** Where runs are requested and ended. */
export interface RunPort {
  readonly engine: Pick<RunEngine, "submit" | "upload" | "get" | "waitFor" | "behind">;
  readonly desk: Pick<RunDesk, "cancel" | "retry" | "preview">;
}

export interface RunRouteOptions {
  /** Where runs are requested. @throws TransientError while the service starts */
  readonly runs: () => RunPort;
  /** The data store, for reading. @throws TransientError while the service starts */
  readonly reader: () => Reader;
  /** Days that `POST /extract` looks back by default. */
  readonly extractDays: number;
}

/** Adds `POST /backfill`, `POST /extract`, `GET /runs`, `GET /runs/ID`, `POST /runs/ID/cancel`, `POST /runs/ID/retry`. */
export function addRunRoutes(app: Api, options: RunRouteOptions): void {
  addRequestRoutes(app, options);
  const { runs, reader } = options;
  const engine = () => runs().engine;

  app.openapi(listRoute, async (context) => {
    const { limit, before = null } = context.req.valid("query");
    const found = await reader().look(
      RUN_LIMIT_MS,
      (sql) => listRunViews(sql, { limit, before }),
    );
    const last = found.at(-1);
    if (found.length === limit && last !== undefined) {
      context.header("link", `</runs?limit=${limit}&before=${last.id}>; rel="next"`);
    }
    return context.json({ runs: found.map((run) => withOwn(run, engine)) }, 200);
  });

  app.openapi(oneRoute, async (context) => {
    const { id } = context.req.valid("param");
    const look = (id: string) => reader().look(RUN_LIMIT_MS, (sql) => getRunView(sql, id));
    return context.json(withOwn(await findRun(id, look), engine), 200);
  });

  app.openapi(cancelRoute, async (context) => {
    const cancel = (id: string) => runs().desk.cancel(id, "cancelled over HTTP");
    const { runId, status } = await findRun(context.req.valid("param").id, cancel);
    await untilVisible(reader(), runId, status);
    return context.json({ run_id: runId, state: status }, 200);
  });

  app.openapi(retryRoute, async (context) => {
    const key = idempotencyKey(context);
    const { id } = context.req.valid("param");
    const { run, isNew } = await findRun(id, (id) => runs().desk.retry(id, "http", key));
    const isSame = isNew || ("retry" in run.selection && run.selection.retry === id);
    assertSameRequest(run, key, `a retry of run ${id}`, isSame);
    return await accepted(context, reader(), run, isNew);
  });
}

/**
 * The calls that request a run. A schema only describes their bodies; `parseSelection` reads them, because its refusals name the
 * wrong field and value, what is allowed and which call to make instead. So curl's `-d`, which labels JSON as a form, works too.
 */
function addRequestRoutes(app: Api, options: RunRouteOptions): void {
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
    if (query.data.dry_run === "false") {
      return await accept(context, options, "backfill", selection);
    }
    const { files, nothing } = await options.runs().desk.preview(selection);
    return context.json({
      dry_run: true,
      selection,
      files: files.map(({ file, skip }): PreviewedFile => ({
        file: file.path,
        listed: file.listed,
        modified: file.modified?.toISOString() ?? null,
        size_bytes: file.size_bytes,
        skip,
      })),
      nothing,
    });
  });

  app.openAPIRegistry.registerPath(extractRoute);
  app.post("/extract", async (context) => {
    const selection = parseSelection(windowOr(options.extractDays, await jsonBody(context, {})));
    if (!("days" in selection)) {
      throw new SelectionError(
        "days",
        `an extraction takes days, not ${JSON.stringify(selection)}`,
        "POST /backfill takes the rest",
      );
    }
    return await accept(context, options, "daily", selection);
  });
}

/** An empty body (`{}`, or none at all) means the schedule's own window. */
function windowOr(days: number, body: unknown): unknown {
  const saysNothing = typeof body === "object" && body !== null && !Array.isArray(body) &&
    Object.keys(body).length === 0;
  return saysNothing ? { days } : body;
}

async function accept(
  context: Context,
  { runs, reader }: RunRouteOptions,
  kind: RunRequest["kind"],
  selection: RunRequest["selection"],
) {
  const key = idempotencyKey(context);
  const request = { kind, selection, requestedBy: "http", idempotencyKey: key } as const;
  const { run, isNew } = await runs().engine.submit(request);
  const asked = describeSelection(selection);
  const isSame = isNew || (run.kind === kind && describeSelection(run.selection) === asked);
  assertSameRequest(run, key, `a ${kind} run of ${asked}`, isSame);
  return await accepted(context, reader(), run, isNew);
}

async function accepted(context: Context, reader: Reader, run: RunState, isNew: boolean) {
  const { runId, kind, selection } = run;
  await untilVisible(reader, runId);
  context.header("location", `/runs/${runId}`);
  return context.json({ run_id: runId, kind, selection, is_new: isNew }, 202);
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
  // curl's -d sends a form type by default. It is read as JSON too, so the README's examples stay short.
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
