/**
 * The dashboard at `/`: its page, its files, and the grid of runs. Everything else that it shows comes from the public API.
 *
 * `/dashboard/…` is only for the page of the same version, so it is not part of the documented API.
 */
import type { Context } from "hono";
import { z } from "zod";
import type { Reader } from "../../store/reader.ts";
import { readRunGrid } from "../../store/run_grid.ts";
import type { Api } from "../openapi.ts";
import { Problem } from "../problem.ts";
import { type Asset, type Assets, readAssets } from "./assets.ts";

/** Reading a few thousand rows by their key takes milliseconds. */
const QUERY_TIMEOUT_MS = 5_000;
/** Cells of the grid: enough for daily runs and some backfills by day. */
const CELLS_MAX = 4_000;
/** Columns of the grid. */
const GRID_RUNS_MAX = 60;

/**
 * Everything that the page needs comes from this server; nothing else may be loaded or run, and no text may become markup (Trusted
 * Types). https://www.w3.org/TR/CSP3/
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
export function addDashboardRoutes(app: Api, reader: () => Reader): void {
  addAssetRoutes(app);

  app.get("/dashboard/grid", async (context) => {
    const query = gridQuery.safeParse(context.req.query());
    if (!query.success) {
      throw new Problem("bad-request", `query parameter runs: ${query.error.issues[0]?.message}`);
    }
    const grid = await reader().look(
      QUERY_TIMEOUT_MS,
      (sql) => readRunGrid(sql, { runs: query.data.runs, cells: CELLS_MAX }),
    );
    return context.json(grid);
  });
}

function addAssetRoutes(app: Api): void {
  // Read at the first request: commands and tests of the API do not need it.
  let read: Assets | null = null;
  const assets = () => read ??= readAssets();

  app.get("/", (context) => {
    context.header("content-security-policy", DASHBOARD_CSP);
    return send(context, assets().index, assets().version, "no-cache");
  });
  app.get("/assets/:version/*", (context) => {
    const version = context.req.param("version");
    const name = context.req.path.slice(`/assets/${version}/`.length);
    const asset = assets().get(name);
    if (asset === null) throw new Problem("not-found", `the dashboard has no file ${name}`);
    // A page of another version (it stayed open during an update) gets this version's file, but may not cache it.
    const isOurs = version === assets().version;
    const caching = isOurs ? "public, max-age=31536000, immutable" : "no-store";
    return send(context, asset, assets().version, caching);
  });
  app.get("/favicon.ico", (context) => {
    return send(context, assets().get("icon.svg")!, assets().version, "max-age=86400");
  });
}

function send(context: Context, asset: Asset, version: string, caching: string): Response {
  const etag = `"${version}"`;
  context.header("etag", etag);
  context.header("cache-control", caching);
  if (context.req.header("if-none-match") === etag) return context.body(null, 304);
  return context.body(asset.body, 200, { "content-type": asset.type });
}
