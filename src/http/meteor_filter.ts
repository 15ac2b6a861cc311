/** The query parameters that select meteors, the same for lists, exports and statistics. */
import { z } from "@hono/zod-openapi";
import type { MeteorConditions, ShowerChoice } from "../store/meteor_conditions.ts";

/** Most showers, stations or countries in one request; a longer list is a job for SQL. */
const CHOICES_MAX = 50;
/** A choice has at most 20 characters, plus a comma. */
const CHOICES_MAX_CHARACTERS = CHOICES_MAX * 21;

const DAY_MS = 86_400_000;

/** `2024-08-12`, from the year 1 on: PostgreSQL has no year 0. */
const day = z.iso.date().refine((text) => text >= "0001-01-01", "a date from 0001-01-01 on");
/** `2024-08-12T21:30:00Z`: to the microsecond or finer, with an offset or Z. */
export const instantParameter = z.iso.datetime({ offset: true })
  .refine((text) => text >= "0002", "a time from the year 2 on");
const time = z.union(
  [day, instantParameter],
  "a date YYYY-MM-DD or a time such as 2024-08-12T21:30:00Z",
);

function listOf<Choice>(pattern: RegExp, what: string, read: (text: string) => Choice) {
  const allowed = `${what}, at most ${CHOICES_MAX}, separated by commas`;
  return z.string().max(CHOICES_MAX_CHARACTERS, allowed).transform((text) => text.split(","))
    .pipe(z.array(z.string().regex(pattern, allowed)).max(CHOICES_MAX, allowed))
    .transform((texts) => texts.map(read));
}

function showerChoice(text: string): ShowerChoice {
  if (text === "sporadic") return "sporadic";
  return /^\d+$/.test(text) ? { number: Number(text) } : { code: text };
}

const BOX_ALLOWED =
  "west,south,east,north in degrees: longitudes from -180 to 180, latitudes from -90 to 90, south not above north";

const box = z.string().max(100).transform((text) =>
  text.split(",").map((part) => /^[+-]?\d{1,3}(\.\d{1,12})?$/.test(part) ? Number(part) : NaN)
).refine((sides) => {
  const [west, south, east, north] = sides;
  return sides.length === 4 && Math.abs(west!) <= 180 && Math.abs(east!) <= 180 && south! >= -90 &&
    south! <= north! && north! <= 90;
}, BOX_ALLOWED).transform(([west, south, east, north]) => ({
  west: west!,
  south: south!,
  east: east!,
  north: north!,
}));

const magnitude = z.string().regex(/^[+-]?\d{1,3}(\.\d{1,6})?$/, "a magnitude such as -4 or 2.5")
  .transform(Number);

/** The parameters, to be spread into a query's schema. */
export const meteorParameters = {
  from: time.optional().openapi({
    type: "string",
    description: "Beginning at or after this time (UTC); a date is its midnight.",
    example: "2024-08-11",
  }),
  to: time.optional().openapi({
    type: "string",
    description: "Beginning before this time; a date counts to its end, so from=to is one UTC day.",
    example: "2024-08-13",
  }),
  shower: listOf(/^([A-Za-z][A-Za-z0-9]{0,19}|\d{1,5})$/, "shower codes or numbers", showerChoice)
    .optional().openapi({
      type: "string",
      description:
        "Meteors of any of these showers, by code (GEM) or IAU number (4); `sporadic` means those of no shower.",
      example: "PER,GEM",
    }),
  station: listOf(/^[A-Za-z0-9_-]{1,20}$/, "station codes", (text) => text).optional().openapi({
    type: "string",
    description: "Meteors seen by any of these stations.",
    example: "UK000H",
  }),
  country: listOf(/^[A-Z]{2}$/, "country codes of two capital letters", (text) => text)
    .optional().openapi({
      type: "string",
      description:
        "Meteors seen by a station of any of these countries: the first two letters of its code.",
      example: "UK,IE",
    }),
  bbox: box.optional().openapi({
    type: "string",
    description:
      "Beginning point inside this box: west,south,east,north in degrees; with west greater than east it crosses the 180° meridian.",
    example: "-11,49,2,61",
  }),
  magnitude_from: magnitude.optional().openapi({
    type: "number",
    description: "Peak absolute magnitude of at least this (smaller is brighter).",
  }),
  magnitude_to: magnitude.optional().openapi({
    type: "number",
    description: "Peak absolute magnitude of at most this.",
    example: -4,
  }),
  updated_since: instantParameter.optional().openapi({
    type: "string",
    description: "Stored or changed in this data store at or after this time.",
    example: "2026-11-20T00:00:00Z",
  }),
  withdrawn: z.enum(["exclude", "include", "only"]).default("exclude").openapi({
    description: "Whether to show trajectories that the source has withdrawn.",
  }),
};

const parameters = z.object(meteorParameters);

/** The conditions that the parameters describe. */
export function conditionsOf(query: z.output<typeof parameters>): MeteorConditions {
  return {
    from: query.from ?? null,
    to: query.to === undefined ? null : endOf(query.to),
    showers: query.shower ?? [],
    stations: query.station ?? [],
    countries: query.country ?? [],
    box: query.bbox ?? null,
    magnitude: { from: query.magnitude_from ?? null, to: query.magnitude_to ?? null },
    updatedSince: query.updated_since ?? null,
    withdrawn: query.withdrawn,
  };
}

/** Extends a date to the end of its day. */
function endOf(to: string): string {
  if (to.length > "YYYY-MM-DD".length) return to;
  // The day after has no ISO 8601 notation.
  return to === "9999-12-31"
    ? "9999-12-31T23:59:59.999999Z"
    : new Date(Date.parse(`${to}T00:00:00Z`) + DAY_MS).toISOString();
}
