/** Conditions that select meteors, shared by the API's lists, exports and statistics, as SQL. */
import type { PendingQuery, Row } from "postgres";
import type { Queryable } from "./connection.ts";

/** Conditions that must all hold. Null or an empty list is no condition. Times are ISO 8601 texts, to the microsecond. */
export interface MeteorConditions {
  /** Beginning at or after. */
  readonly from: string | null;
  /** Beginning before. */
  readonly to: string | null;
  /** Any of these. */
  readonly showers: readonly ShowerChoice[];
  /** Seen by any of these stations. */
  readonly stations: readonly string[];
  /** Seen by a station of any of these countries, by the first two letters of its code. */
  readonly countries: readonly string[];
  /** Beginning point inside; west is greater than east in a box across the 180° meridian. Degrees. */
  readonly box: Box | null;
  /** Peak absolute magnitude, both ends included. */
  readonly magnitude: { readonly from: number | null; readonly to: number | null };
  /** Stored or changed here at or after. */
  readonly updatedSince: string | null;
  readonly withdrawn: "exclude" | "include" | "only";
}

export interface Box {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

/** Meteors of a shower, by its code or IAU number, or meteors without a shower. */
export type ShowerChoice = { readonly code: string } | { readonly number: number } | "sporadic";

/** A piece of SQL with its parameters, whatever rows its statement returns. */
type Fragment = PendingQuery<Row[]>;

/** `where …` over the table `meteor` named `m`, with `more` conditions of the caller. */
export function whereMeteor(
  sql: Queryable,
  wanted: MeteorConditions,
  more: readonly Fragment[] = [],
): Fragment {
  return [...conditionsOf(sql, wanted), ...more].reduce(
    (sofar, condition) => sql`${sofar} and ${condition}`,
    sql`where true`,
  );
}

function conditionsOf(sql: Queryable, wanted: MeteorConditions): Fragment[] {
  const { from, to, showers, stations, countries, box, magnitude, updatedSince } = wanted;
  const conditions: Fragment[] = [];
  // A parameter that PostgreSQL types as a time would go through the driver's Date, which has no microseconds.
  if (from !== null) conditions.push(sql`m.beginning_utc_time >= ${from}::text::timestamptz`);
  if (to !== null) conditions.push(sql`m.beginning_utc_time < ${to}::text::timestamptz`);
  if (showers.length > 0) conditions.push(anyShower(sql, showers));
  if (stations.length > 0) {
    conditions.push(sql`exists (select from participating_station p
      where p.meteor_id = m.id and p.station_code = any(${[...stations]}::text[]))`);
  }
  if (countries.length > 0) {
    conditions.push(sql`exists (select from participating_station p
      where p.meteor_id = m.id and left(p.station_code, 2) = any(${[...countries]}::text[]))`);
  }
  if (box !== null) conditions.push(inside(sql, box));
  if (magnitude.from !== null) conditions.push(sql`m.peak_absmag >= ${magnitude.from}::float8`);
  if (magnitude.to !== null) conditions.push(sql`m.peak_absmag <= ${magnitude.to}::float8`);
  if (updatedSince !== null) {
    conditions.push(sql`m.updated_at >= ${updatedSince}::text::timestamptz`);
  }
  if (wanted.withdrawn === "exclude") conditions.push(sql`m.withdrawn_at is null`);
  if (wanted.withdrawn === "only") conditions.push(sql`m.withdrawn_at is not null`);
  return conditions;
}

function anyShower(sql: Queryable, showers: readonly ShowerChoice[]): Fragment {
  const codes: string[] = [];
  const numbers: number[] = [];
  let withSporadic = false;
  for (const shower of showers) {
    if (shower === "sporadic") withSporadic = true;
    else if ("code" in shower) codes.push(shower.code);
    else numbers.push(shower.number);
  }
  // Separate conditions, so that a query by code can use its index.
  const choices: Fragment[] = [];
  if (codes.length > 0) choices.push(sql`m.iau_code = any(${codes}::text[])`);
  if (numbers.length > 0) choices.push(sql`m.iau_shower_id = any(${numbers}::int[])`);
  if (withSporadic) choices.push(sql`m.iau_code is null`);
  const [first, ...others] = choices;
  return sql`(${others.reduce((sofar, choice) => sql`${sofar} or ${choice}`, first!)})`;
}

function inside(sql: Queryable, { west, south, east, north }: Box): Fragment {
  const latitude = sql`m.latbeg_n_deg between ${south}::float8 and ${north}::float8`;
  const longitude = west <= east
    ? sql`m.lonbeg_e_deg between ${west}::float8 and ${east}::float8`
    : sql`(m.lonbeg_e_deg >= ${west}::float8 or m.lonbeg_e_deg <= ${east}::float8)`;
  return sql`${latitude} and ${longitude}`;
}
