/** The small lists of the data store: showers and stations. */
import { z } from "@hono/zod-openapi";
import type { Reader } from "../store/reader.ts";
import { listShowers, listStations, showerSchema, stationSchema } from "../store/store_lists.ts";
import { type Api, readingRoute } from "./openapi.ts";
import { nextLink, placeParameter, readPlace, writePlace } from "./place.ts";

/** There are a few thousand of each. */
const PAGE_ROWS = 1_000;
const PAGE_ROWS_MAX = 10_000;
const LIMIT_MS = 5_000;

const limit = z.coerce.number().int().min(1).max(PAGE_ROWS_MAX).default(PAGE_ROWS);
const tags = ["meteors"];

const showersRoute = readingRoute(
  "/showers",
  { summary: "Known meteor showers, by number", tags },
  { query: z.strictObject({ limit, after: placeParameter }) },
  z.object({ showers: z.array(showerSchema) }).openapi("Showers"),
  "bad-request",
);

const stationsRoute = readingRoute(
  "/stations",
  { summary: "Stations that took part in a trajectory, by code", tags },
  {
    query: z.strictObject({
      limit,
      after: placeParameter,
      country: z.string().regex(/^[A-Z]{2}$/, "two capital letters").optional(),
    }),
  },
  z.object({ stations: z.array(stationSchema) }).openapi("Stations"),
  "bad-request",
);

const numberPlace = z.int().min(-2_147_483_648).max(2_147_483_647);
const codePlace = z.string().max(200).refine((code) => !code.includes("\0"));

/** Adds `GET /showers`, `GET /stations`. */
export function addStoreRoutes(app: Api, reader: () => Reader): void {
  app.openapi(showersRoute, async (context) => {
    const { limit, after } = context.req.valid("query");
    const page = { limit, after: readPlace(after, numberPlace) };
    const showers = await reader().ask(LIMIT_MS, (sql) => listShowers(sql, page));
    const last = showers.at(limit - 1);
    if (last !== undefined) {
      context.header("link", nextLink(context.req.url, writePlace(last.number)));
    }
    return context.json({ showers }, 200);
  });

  app.openapi(stationsRoute, async (context) => {
    const { limit, after, country = null } = context.req.valid("query");
    const page = { limit, after: readPlace(after, codePlace), country };
    const stations = await reader().ask(LIMIT_MS, (sql) => listStations(sql, page));
    const last = stations.at(limit - 1);
    if (last !== undefined) {
      context.header("link", nextLink(context.req.url, writePlace(last.code)));
    }
    return context.json({ stations }, 200);
  });
}
