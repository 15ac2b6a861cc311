/**
 * The dashboard at `/`: its page and files, history as a grid, and the stream that says when something has changed.
 *
 * `/dashboard/…` is for the page of the same version alone, so it is not part of the documented API.
 */
import type { Context, Hono } from "hono";
import { z } from "zod";
import type { Sql } from "../../store/connection.ts";
import { readMeteorDetail } from "../../store/meteor_detail.ts";
import { readOnly } from "../../store/read_only.ts";
import { readRunGrid } from "../../store/run_grid.ts";
import type { ApiPorts } from "../api_ports.ts";
import { Problem } from "../problem.ts";
import { type Asset, type Assets, readAssets } from "./assets.ts";
import type { LiveChanges } from "./live_changes.ts";

export interface DashboardOptions {
  /** The data store; throws while the service starts. */
  readonly sql: () => Sql;
  readonly listRuns: ApiPorts["listRuns"];
  readonly live: LiveChanges;
}

/** Rows by a key: they take milliseconds. */
const QUESTION_TIMEOUT_MS = 5_000;
/** Cells of the grid: its runs of a daily window, with room for some backfills by day. */
const CELLS_MAX = 4_000;
/** Columns of the grid. */
const GRID_RUNS_MAX = 60;

/**
 * Everything the page needs is ours, and nothing else may be loaded, run or shown; not even our own text becomes markup
 * (Trusted Types). https://www.w3.org/TR/CSP3/
 */
export const DASHBOARD_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const gridQuery = z.object({
  runs: z.coerce.number().int().min(1).max(GRID_RUNS_MAX).default(30),
});

/** Adds `GET /`, `/assets/…`, `/dashboard/…`. */
export function addDashboardRoutes(app: Hono, { sql, listRuns, live }: DashboardOptions): void {
  const assets = readAssets();
  addAssetRoutes(app, assets);

  app.get("/dashboard/meteors/:id", async (context) => {
    const id = context.req.param("id");
    const found = await readOnly(sql(), QUESTION_TIMEOUT_MS, (t) => readMeteorDetail(t, id));
    if (found === null) throw new Problem("not-found", `there is no trajectory ${id}`);
    return context.json(found);
  });
  app.get("/dashboard/grid", async (context) => {
    const query = gridQuery.safeParse(context.req.query());
    if (!query.success) {
      throw new Problem("bad-request", `query parameter runs: ${query.error.issues[0]?.message}`);
    }
    const runs = await listRuns({ limit: query.data.runs, before: null });
    const oldest = runs.at(-1);
    const cells = oldest === undefined
      ? []
      : await readOnly(sql(), QUESTION_TIMEOUT_MS, (t) => readRunGrid(t, oldest.id, CELLS_MAX));
    return context.json({ runs, cells });
  });
  app.get("/dashboard/events", (context) => {
    const stream = live.open();
    if (stream === null) {
      throw new Problem("unavailable", "too many dashboards are open; close one, or try again");
    }
    return context.body(stream, 200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      // nginx would keep events back otherwise.
      "x-accel-buffering": "no",
    });
  });
}

function addAssetRoutes(app: Hono, assets: Assets): void {
  const etag = `"${assets.version}"`;
  app.get("/", (context) => {
    context.header("content-security-policy", DASHBOARD_CSP);
    return send(context, assets.index, etag, "no-cache");
  });
  app.get("/assets/:version/*", (context) => {
    const version = context.req.param("version");
    const name = context.req.path.slice(`/assets/${version}/`.length);
    const asset = assets.get(name);
    if (asset === null) throw new Problem("not-found", `the dashboard has no file ${name}`);
    // A page of another version (it stayed open over an update) gets this one's file, but may not keep it.
    const caching = version === assets.version ? "public, max-age=31536000, immutable" : "no-store";
    return send(context, asset, etag, caching);
  });
  app.get("/favicon.ico", (context) => {
    const asset = assets.get("icon.svg")!;
    return send(context, asset, etag, "max-age=86400");
  });
}

function send(context: Context, asset: Asset, etag: string, caching: string): Response {
  context.header("etag", etag);
  context.header("cache-control", caching);
  if (context.req.header("if-none-match") === etag) return context.body(null, 304);
  return context.body(asset.body, 200, { "content-type": asset.type });
}
