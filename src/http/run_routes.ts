/**
 * Asking for runs and looking at them.
 */
import type { Context } from "hono";
import { z } from "zod";
import type { RunKind, Selection } from "../runs/run_event.ts";
import { parseSelection, SelectionError } from "../runs/selection.ts";
import type { ApiPorts } from "./api_ports.ts";
import type { Api } from "./openapi.ts";
import { Problem } from "./problem.ts";

/** Runs on one page, and at most. */
const PAGE_RUNS = 50;
const PAGE_MAX_RUNS = 500;

/** A caller's key is kept for ever; UUIDs and the like are far shorter. */
const IDEMPOTENCY_KEY_MAX_CHARACTERS = 200;

const runId = z.uuid();
const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(PAGE_MAX_RUNS).default(PAGE_RUNS),
  before: runId.optional(),
});

interface RunRouteOptions {
  readonly ports: ApiPorts;
  readonly extractDays: number;
}

const backfillQuery = z.object({
  dry_run: z.enum(["true", "false"], "true or false").default("false"),
});

/** Adds `POST /backfill`, `POST /extract`, `GET /runs`, `GET /runs/ID`, `POST /runs/ID/cancel`, `POST /runs/ID/retry`. */
export function addRunRoutes(app: Api, { ports, extractDays }: RunRouteOptions): void {
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

  app.post("/extract", async (context) => {
    const selection = parseSelection(await jsonBody(context, { days: extractDays }));
    if (!("days" in selection)) {
      throw new SelectionError(
        "days",
        `an extraction takes days, not ${JSON.stringify(selection)}`,
        "POST /backfill takes the rest",
      );
    }
    return await accept(context, ports, "daily", selection);
  });

  app.get("/runs", async (context) => {
    const query = pageQuery.safeParse(context.req.query());
    if (!query.success) {
      const issue = query.error.issues[0];
      throw new Problem(
        "bad-request",
        `query parameter ${issue?.path.join(".")}: ${issue?.message}`,
      );
    }
    const { limit, before } = query.data;
    const runs = await ports.listRuns({ limit, before: before ?? null });
    const last = runs.at(-1);
    if (runs.length === limit && last !== undefined) {
      context.header("link", `</runs?limit=${limit}&before=${last.id}>; rel="next"`);
    }
    return context.json({ runs });
  });

  app.get("/runs/:id", async (context) => {
    const found = await ofRun(context.req.param("id"), (id) => ports.getRun(id));
    return context.json({ ...found.run, file_list: found.files });
  });

  app.post("/runs/:id/cancel", async (context) => {
    const id = context.req.param("id");
    const { state } = await ofRun(id, (id) => ports.cancelRun(id));
    return context.json({ run_id: id, state });
  });

  app.post("/runs/:id/retry", async (context) => {
    const key = idempotencyKey(context);
    const retry = await ofRun(context.req.param("id"), (id) => ports.retryRun(id, key));
    return accepted(context, retry);
  });
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
): Promise<Response> {
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
): Response {
  context.header("location", `/runs/${runId}`);
  return context.json({ run_id: runId, kind, selection, is_new: isNew }, 202);
}

function idempotencyKey(context: Context): string | null {
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
