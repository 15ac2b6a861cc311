/**
 * Numbers of many meteors at once, for plots. Every answer is bounded, filtered by the same parameters as `GET /meteors`, and
 * made from one snapshot of the database.
 */
import { createRoute, z } from "@hono/zod-openapi";
import { readOnly } from "../store/read_only.ts";
import type { Sql, TransactionSql } from "../store/connection.ts";
import * as statistics from "../store/statistics.ts";
import { TRAJECTORY_FIELDS } from "../trajectory/schema.ts";
import { conditionsOf, meteorParameters } from "./meteor_query.ts";
import { type Api, json, problems } from "./openapi.ts";

/** Counting three million rows takes a few seconds on a small machine; what takes longer is asked wrongly. */
const STATISTICS_TIMEOUT_MS = 20_000;

const query = z.strictObject(meteorParameters);
const limited = (standard: number, most: number) =>
  z.strictObject({
    ...meteorParameters,
    limit: z.coerce.number().int().min(1).max(most).default(standard),
  });

const shower = z.string().nullable().openapi({ description: "Code; null for a sporadic meteor." });

const totals = z.object({
  meteors: z.int(),
  first: z.string().nullable().openapi({ description: "Beginning of the earliest, UTC." }),
  last: z.string().nullable(),
  loaded_today: z.int().openapi({ description: "Stored or changed here since 0:00 UTC." }),
  newest_update: z.string().nullable().openapi({ description: "When one was last stored." }),
}).openapi("Totals");

const nights = z.object({
  nights: z.array(z.object({
    night: z.string().openapi({
      description: "A night goes from noon to noon UTC and has the date of its first noon.",
      example: "2024-08-12",
    }),
    meteors: z.int(),
    shower_meteors: z.int().openapi({ description: "Of them, those of any shower." }),
  })),
}).openapi("Nights");

const histogram = z.object({
  field: z.string(),
  description: z.string().openapi({ description: "Meaning of the field, from the schema." }),
  unit: z.string(),
  bins: z.array(z.object({ from: z.number(), to: z.number(), meteors: z.int() })),
  below: z.int().openapi({ description: "Meteors below the first bin." }),
  above: z.int(),
  missing: z.int().openapi({ description: "Meteors without a value." }),
}).openapi("Histogram");

const showers = z.object({
  showers: z.array(z.object({
    code: z.string(),
    number: z.int().nullable(),
    name: z.string().nullable(),
    meteors: z.int(),
    vgeo_km_s: z.number().nullable().openapi({ description: "Mean geocentric speed, km/s." }),
  })),
  sporadic: z.int(),
  meteors: z.int().openapi({ description: "All that the filter takes, sporadic ones included." }),
}).openapi("ShowerCounts");

const stations = z.object({
  stations: z.array(z.object({
    code: z.string(),
    country_code: z.string(),
    meteors: z.int(),
  })),
}).openapi("StationCounts");

const radiants = z.object({
  radiants: z.array(z.object({
    id: z.string(),
    time: z.string(),
    shower,
    sun_centred_longitude_deg: z.number().openapi({
      description: "lamgeo_deg - sol_lon_deg, 0 to 360: the Sun at 0, the apex at 270.",
    }),
    latitude_deg: z.number().openapi({ description: "Ecliptic latitude, J2000." }),
    rageo_deg: z.number().nullable(),
    decgeo_deg: z.number().nullable(),
    vgeo_km_s: z.number().nullable(),
  })),
}).openapi("Radiants");

const trackPoint = z.object({
  lat_deg: z.number(),
  lon_deg: z.number(),
  height_km: z.number().nullable(),
});
const tracks = z.object({
  tracks: z.array(z.object({
    id: z.string(),
    time: z.string(),
    shower,
    peak_absmag: z.number().nullable(),
    begin: trackPoint,
    end: trackPoint,
  })),
}).openapi("GroundTracks");

/** Adds `GET /statistics/…`. */
export function addStatisticsRoutes(app: Api, sql: () => Sql): void {
  const ask = <Answer>(work: (transaction: TransactionSql) => Promise<Answer>) =>
    readOnly(sql(), STATISTICS_TIMEOUT_MS, work);

  app.openapi(route("/statistics/totals", "How many meteors", query, totals), async (context) => {
    const wanted = conditionsOf(context.req.valid("query"));
    const found = await ask((t) => statistics.readTotals(t, wanted));
    const { meteors, first, last, loadedToday, newestUpdate } = found;
    return context.json({
      meteors,
      first,
      last,
      loaded_today: loadedToday,
      newest_update: newestUpdate,
    }, 200);
  });

  app.openapi(route("/statistics/nights", "Meteors per night", query, nights), async (context) => {
    const wanted = conditionsOf(context.req.valid("query"));
    return context.json({ nights: await ask((t) => statistics.readNights(t, wanted)) }, 200);
  });

  addHistogramRoute(app, ask);

  app.openapi(
    route("/statistics/showers", "Showers by meteors", limited(50, 1000), showers),
    async (context) => {
      const { limit, ...rest } = context.req.valid("query");
      const wanted = conditionsOf(rest);
      return context.json(await ask((t) => statistics.readShowerCounts(t, wanted, limit)), 200);
    },
  );

  app.openapi(
    route("/statistics/stations", "Stations by meteors", limited(20, 1000), stations),
    async (context) => {
      const { limit, ...rest } = context.req.valid("query");
      const wanted = conditionsOf(rest);
      const found = await ask((t) => statistics.readStationCounts(t, wanted, limit));
      return context.json({ stations: found }, 200);
    },
  );

  app.openapi(
    route(
      "/statistics/radiants",
      "Radiants of the latest meteors",
      limited(2000, 20_000),
      radiants,
    ),
    async (context) => {
      const { limit, ...rest } = context.req.valid("query");
      const wanted = conditionsOf(rest);
      const found = await ask((t) => statistics.readRadiants(t, wanted, limit));
      return context.json({ radiants: found }, 200);
    },
  );

  app.openapi(
    route("/statistics/ground-tracks", "Tracks of the latest meteors", limited(500, 5000), tracks),
    async (context) => {
      const { limit, ...rest } = context.req.valid("query");
      const wanted = conditionsOf(rest);
      const found = await ask((t) => statistics.readGroundTracks(t, wanted, limit));
      return context.json({ tracks: found }, 200);
    },
  );
}

type Ask = <Answer>(work: (transaction: TransactionSql) => Promise<Answer>) => Promise<Answer>;

const HISTOGRAM_FIELDS = Object.keys(statistics.HISTOGRAMS) as statistics.HistogramField[];

function addHistogramRoute(app: Api, ask: Ask): void {
  const field = z.enum(HISTOGRAM_FIELDS).default("vgeo_km_s");
  const asked = z.strictObject({ ...meteorParameters, field });
  const described = route("/statistics/histogram", "Meteors by a field", asked, histogram);
  app.openapi(described, async (context) => {
    const { field, ...rest } = context.req.valid("query");
    const wanted = conditionsOf(rest);
    const found = await ask((t) => statistics.readHistogram(t, wanted, field));
    const description = TRAJECTORY_FIELDS.find(({ name }) => name === field)?.doc ?? "";
    const { unit } = statistics.HISTOGRAMS[field];
    return context.json({ field, description, unit, ...found }, 200);
  });
}

function route<Path extends string, Query extends z.ZodObject, Answer extends z.ZodType>(
  path: Path,
  summary: string,
  query: Query,
  answer: Answer,
) {
  return createRoute({
    method: "get",
    path,
    summary,
    tags: ["statistics"],
    request: { query },
    responses: { 200: json(answer, summary), ...problems("bad-request", "unavailable") },
  });
}
