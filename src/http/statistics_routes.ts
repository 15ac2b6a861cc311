/**
 * Statistics of many meteors, for plots. Every answer is limited in size, takes the same filters as `GET /meteors`, and comes from
 * one snapshot of the database.
 */
import { z } from "@hono/zod-openapi";
import type { TransactionSql } from "../store/connection.ts";
import type { MeteorConditions } from "../store/meteor_conditions.ts";
import type { Reader } from "../store/reader.ts";
import * as statistics from "../store/statistics.ts";
import { TRAJECTORY_FIELDS } from "../trajectory/schema.ts";
import { conditionsOf, meteorParameters } from "./meteor_filter.ts";
import { type Api, readingRoute } from "./openapi.ts";

/** Counting three million rows takes a few seconds on a small machine; a query that takes longer is too large. */
const LIMIT_MS = 20_000;

/** Adds `GET /statistics/…`. */
export function addStatisticsRoutes(app: Api, reader: () => Reader): void {
  /** A statistic of the meteors that a filter matches. */
  const add = <Answer extends z.ZodType>(
    name: string,
    summary: string,
    answer: Answer,
    read: (sql: TransactionSql, wanted: MeteorConditions) => Promise<z.input<Answer>>,
  ) =>
    app.openapi(route(name, summary, z.strictObject(meteorParameters), answer), async (context) => {
      const wanted = conditionsOf(context.req.valid("query"));
      const found = await reader().ask(LIMIT_MS, (sql) => read(sql, wanted));
      return context.json(found as object, 200) as never;
    });

  /** A statistic with a limited number of rows: `limit` if given, otherwise `standard`; at most `most`. */
  const addLimited = <Answer extends z.ZodType>(
    name: string,
    summary: string,
    [standard, most]: readonly [number, number],
    answer: Answer,
    read: (
      sql: TransactionSql,
      wanted: MeteorConditions,
      limit: number,
    ) => Promise<z.input<Answer>>,
  ) => {
    const limit = z.coerce.number().int().min(1).max(most).default(standard);
    const query = z.strictObject({ ...meteorParameters, limit });
    app.openapi(route(name, summary, query, answer), async (context) => {
      const { limit, ...filter } = context.req.valid("query");
      const wanted = conditionsOf(filter);
      const found = await reader().ask(LIMIT_MS, (sql) => read(sql, wanted, limit));
      return context.json(found as object, 200) as never;
    });
  };

  add(
    "totals",
    "How many meteors",
    statistics.totalsSchema.meta({ id: "Totals" }),
    statistics.readTotals,
  );
  add(
    "nights",
    "Meteors per night",
    z.object({ nights: z.array(statistics.nightSchema) }).openapi("Nights"),
    async (sql, wanted) => ({ nights: await statistics.readNights(sql, wanted) }),
  );
  addHistogramRoute(app, reader);
  addLimited(
    "showers",
    "Showers by meteors",
    [50, 1000],
    statistics.showerCountsSchema.meta({ id: "ShowerCounts" }),
    statistics.readShowerCounts,
  );
  addLimited(
    "stations",
    "Stations by meteors",
    [20, 1000],
    z.object({ stations: z.array(statistics.stationCountSchema) }).openapi("StationCounts"),
    async (...asked) => ({ stations: await statistics.readStationCounts(...asked) }),
  );
  addLimited(
    "radiants",
    "Radiants of the latest meteors",
    [2000, 20_000],
    z.object({ radiants: z.array(statistics.radiantSchema) }).openapi("Radiants"),
    async (...asked) => ({ radiants: await statistics.readRadiants(...asked) }),
  );
  addLimited(
    "ground-tracks",
    "Tracks of the latest meteors",
    [500, 5000],
    z.object({ tracks: z.array(statistics.groundTrackSchema) }).openapi("GroundTracks"),
    async (...asked) => ({ tracks: await statistics.readGroundTracks(...asked) }),
  );
}

const HISTOGRAM_FIELDS = Object.keys(statistics.HISTOGRAMS) as statistics.HistogramField[];

const histogramSchema = statistics.histogramSchema.extend({
  field: z.string(),
  description: z.string().openapi({ description: "Meaning of the field, from the schema." }),
  unit: z.string(),
}).openapi("Histogram");

function addHistogramRoute(app: Api, reader: () => Reader): void {
  const field = z.enum(HISTOGRAM_FIELDS).default("vgeo_km_s");
  const query = z.strictObject({ ...meteorParameters, field });
  const described = route("histogram", "Meteors by the value of a field", query, histogramSchema);
  app.openapi(described, async (context) => {
    const { field, ...filter } = context.req.valid("query");
    const wanted = conditionsOf(filter);
    const found = await reader().ask(
      LIMIT_MS,
      (sql) => statistics.readHistogram(sql, wanted, field),
    );
    const description = TRAJECTORY_FIELDS.find(({ name }) => name === field)?.doc ?? "";
    const { unit } = statistics.HISTOGRAMS[field];
    return context.json({ field, description, unit, ...found }, 200);
  });
}

function route<Query extends z.ZodObject, Answer extends z.ZodType>(
  name: string,
  summary: string,
  query: Query,
  answer: Answer,
) {
  const about = { summary, tags: ["statistics"] };
  return readingRoute(`/statistics/${name}`, about, { query }, answer, "bad-request");
}
