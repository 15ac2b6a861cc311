/**
 * The small lists of the data store: showers and stations.
 */
import { createRoute, z } from "@hono/zod-openapi";
import type { Sql } from "../store/connection.ts";
import { readOnly } from "../store/read_only.ts";
import { listShowers, listStations } from "../store/store_lists.ts";
import { type Api, json, problems } from "./openapi.ts";
import { nextLink, placeParameter, readPlace, writePlace } from "./place.ts";

/** There are some thousand of each. */
const PAGE_ROWS = 1_000;
const PAGE_ROWS_MAX = 10_000;
const TIMEOUT_MS = 5_000;

const limit = z.coerce.number().int().min(1).max(PAGE_ROWS_MAX).default(PAGE_ROWS);

const showersRoute = createRoute({
  method: "get",
  path: "/showers",
  summary: "Meteor showers that are known here",
  tags: ["meteors"],
  request: { query: z.strictObject({ limit, after: placeParameter }) },
  responses: {
    200: json(
      z.object({
        showers: z.array(z.object({
          number: z.int().openapi({ description: "IAU number; provisional ones from 9001." }),
          code: z.string().nullable(),
          name: z.string().nullable(),
        })),
      }).openapi("Showers"),
      "The showers, by number",
    ),
    ...problems("bad-request", "unavailable"),
  },
});

const stationsRoute = createRoute({
  method: "get",
  path: "/stations",
  summary: "Stations that took part in a trajectory",
  tags: ["meteors"],
  request: {
    query: z.strictObject({
      limit,
      after: placeParameter,
      country: z.string().regex(/^[A-Z]{2}$/, "two capital letters").optional(),
    }),
  },
  responses: {
    200: json(
      z.object({
        stations: z.array(z.object({
          code: z.string(),
          country_code: z.string(),
          created_at: z.string().openapi({ description: "When its first meteor was stored here." }),
        })),
      }).openapi("Stations"),
      "The stations, by code",
    ),
    ...problems("bad-request", "unavailable"),
  },
});

const numberPlace = z.int().min(-2_147_483_648).max(2_147_483_647);
const codePlace = z.string().max(200).refine((code) => !code.includes("\0"));

/** Adds `GET /showers`, `GET /stations`. */
export function addStoreRoutes(app: Api, sql: () => Sql): void {
  app.openapi(showersRoute, async (context) => {
    const { limit, after } = context.req.valid("query");
    const place = readPlace(after, numberPlace);
    const showers = await readOnly(
      sql(),
      TIMEOUT_MS,
      (transaction) => listShowers(transaction, { limit, after: place }),
    );
    const last = showers.at(limit - 1);
    if (last !== undefined) {
      context.header("link", nextLink(context.req.url, writePlace(last.number)));
    }
    return context.json({ showers }, 200);
  });

  app.openapi(stationsRoute, async (context) => {
    const { limit, after, country = null } = context.req.valid("query");
    const place = readPlace(after, codePlace);
    const stations = await readOnly(
      sql(),
      TIMEOUT_MS,
      (transaction) => listStations(transaction, { limit, after: place, country }),
    );
    const last = stations.at(limit - 1);
    if (last !== undefined) {
      context.header("link", nextLink(context.req.url, writePlace(last.code)));
    }
    return context.json({ stations }, 200);
  });
}
