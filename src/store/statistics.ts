/**
 * Aggregates of many meteors for plots: counts by night, value, shower and station, and the latest radiants and tracks.
 *
 * The size of each result is bounded by its grouping or its `limit`, whatever the number of meteors. The schemas are those of the
 * API's responses, and PostgreSQL builds the rows in their shape.
 */
import { z } from "zod";
import type { TransactionSql } from "./connection.ts";
import { isoMicros } from "./iso_times.ts";
import { type MeteorConditions, whereMeteor } from "./meteor_conditions.ts";

const TIME = isoMicros("m.beginning_utc_time");

/** The number of meteors, their time range, and how recent the data is. */
export const totalsSchema = z.object({
  meteors: z.int(),
  first: z.string().nullable().meta({ description: "Beginning of the earliest meteor, UTC." }),
  last: z.string().nullable(),
  loaded_today: z.int().meta({ description: "Stored or changed here since 0:00 UTC." }),
  newest_update: z.string().nullable().meta({
    description: "When a meteor was last stored or changed.",
  }),
});
export type MeteorTotals = z.infer<typeof totalsSchema>;

export async function readTotals(
  sql: TransactionSql,
  wanted: MeteorConditions,
): Promise<MeteorTotals> {
  const columns = `count(*)::float8 as meteors,
    ${isoMicros("min(m.beginning_utc_time)")} as first,
    ${isoMicros("max(m.beginning_utc_time)")} as last,
    (count(*) filter (where m.updated_at >= date_trunc('day', now(), 'UTC')))::float8 as loaded_today,
    ${isoMicros("max(m.updated_at)")} as newest_update`;
  const [totals] = await sql<MeteorTotals[]>`
    select ${sql.unsafe(columns)} from meteor m ${whereMeteor(sql, wanted)}`;
  return { ...totals! };
}

/** Nights in one response: more than twenty years. */
export const NIGHTS_MAX = 10_000;

/** A night is from noon to noon UTC, as the Julian day is, so a night of Europe or America is not split. */
export const nightSchema = z.object({
  night: z.string().meta({
    description: "A night lasts from noon to noon UTC and has the date of its first noon.",
    example: "2024-08-12",
  }),
  meteors: z.int(),
  shower_meteors: z.int().meta({ description: "How many of them belong to a shower." }),
});
export type Night = z.infer<typeof nightSchema>;

/** Meteors per night, oldest first (of the newest `NIGHTS_MAX`). Nights without meteors are left out. */
export async function readNights(sql: TransactionSql, wanted: MeteorConditions): Promise<Night[]> {
  return await sql<Night[]>`
    select night::text, meteors::float8, shower_meteors::float8 from (
      select ((m.beginning_utc_time at time zone 'UTC') - interval '12 hours')::date as night,
        count(*) as meteors, count(m.iau_code) as shower_meteors
      from meteor m ${whereMeteor(sql, wanted, [sql`m.beginning_utc_time is not null`])}
      group by 1 order by 1 desc limit ${NIGHTS_MAX}) counted
    order by counted.night`;
}

/** The quantities of histograms: range and width of the bins. Units are the columns'. */
export const HISTOGRAMS = {
  vgeo_km_s: { low: 0, width: 1, bins: 80, unit: "km/s" },
  vinit_km_s: { low: 0, width: 1, bins: 80, unit: "km/s" },
  htbeg_km: { low: 20, width: 2, bins: 70, unit: "km" },
  htend_km: { low: 20, width: 2, bins: 70, unit: "km" },
  peak_ht_km: { low: 20, width: 2, bins: 70, unit: "km" },
  peak_absmag: { low: -15, width: 0.5, bins: 50, unit: "mag" },
  duration_sec: { low: 0, width: 0.1, bins: 100, unit: "s" },
  elev_deg: { low: 0, width: 5, bins: 18, unit: "deg" },
  e: { low: 0, width: 0.05, bins: 30, unit: "" },
  i_deg: { low: 0, width: 5, bins: 36, unit: "deg" },
  tisserandj: { low: -4, width: 0.25, bins: 56, unit: "" },
  num_stat: { low: 2, width: 1, bins: 48, unit: "" },
} as const;
export type HistogramField = keyof typeof HISTOGRAMS;

export const histogramSchema = z.object({
  bins: z.array(z.object({ from: z.number(), to: z.number(), meteors: z.int() })),
  below: z.int().meta({ description: "Meteors below the first bin." }),
  above: z.int(),
  missing: z.int().meta({ description: "Meteors without a value." }),
});
export type Histogram = z.infer<typeof histogramSchema>;

/** The number of meteors per value of a field. A bin includes its lower end and excludes its upper end. */
export async function readHistogram(
  sql: TransactionSql,
  wanted: MeteorConditions,
  field: HistogramField,
): Promise<Histogram> {
  const { low, width, bins } = HISTOGRAMS[field];
  const rows = await sql<{ bin: number | null; meteors: number }[]>`
    select width_bucket(m.${sql(field)}::float8, ${low}::float8, ${low + width * bins}::float8,
        ${bins}::int) as bin, count(*)::float8 as meteors
    from meteor m ${whereMeteor(sql, wanted)} group by 1`;
  const counts = new Map(rows.map(({ bin, meteors }) => [bin, meteors]));
  // 0.1 * 3 is not 0.3; the ends are rounded for readers.
  const edge = (at: number) => Number((low + width * at).toFixed(6));
  return {
    bins: Array.from({ length: bins }, (_, at) => ({
      from: edge(at),
      to: edge(at + 1),
      meteors: counts.get(at + 1) ?? 0,
    })),
    below: counts.get(0) ?? 0,
    above: counts.get(bins + 1) ?? 0,
    missing: counts.get(null) ?? 0,
  };
}

const showerCountSchema = z.object({
  code: z.string(),
  number: z.int().nullable(),
  name: z.string().nullable(),
  meteors: z.int(),
  vgeo_km_s: z.number().nullable().meta({ description: "Mean geocentric speed, km/s." }),
});
export type ShowerCount = z.infer<typeof showerCountSchema>;

export const showerCountsSchema = z.object({
  showers: z.array(showerCountSchema),
  sporadic: z.int(),
  meteors: z.int().meta({
    description: "All meteors that match the filter, including sporadic ones.",
  }),
});

/** The showers with the most meteors, and the number of meteors without a shower. */
export async function readShowerCounts(
  sql: TransactionSql,
  wanted: MeteorConditions,
  limit: number,
): Promise<z.infer<typeof showerCountsSchema>> {
  const rows = await sql<
    (Omit<ShowerCount, "code"> & { code: string | null; total: number; sporadic: number })[]
  >`
    with counted as (
      select m.iau_code as code, max(m.iau_shower_id) as number, count(*)::float8 as meteors,
        avg(m.vgeo_km_s) as vgeo_km_s
      from meteor m ${whereMeteor(sql, wanted)} group by 1
    ), summed as (
      select coalesce(sum(meteors), 0) as total,
        coalesce(sum(meteors) filter (where code is null), 0) as sporadic from counted
    )
    select counted.*, summed.*, s.name
    from summed left join (
      select * from counted where code is not null order by meteors desc, code limit ${limit}
    ) counted on true
    left join iau_shower s on s.number = counted.number and s.code = counted.code
    order by counted.meteors desc, counted.code`;
  return {
    showers: rows.flatMap(({ code, number, name, meteors, vgeo_km_s }) =>
      code === null ? [] : [{ code, number, name, meteors, vgeo_km_s }]
    ),
    sporadic: rows[0]?.sporadic ?? 0,
    meteors: rows[0]?.total ?? 0,
  };
}

export const stationCountSchema = z.object({
  code: z.string(),
  country_code: z.string(),
  meteors: z.int(),
});
type StationCount = z.infer<typeof stationCountSchema>;

/** The stations that saw the most meteors. */
export async function readStationCounts(
  sql: TransactionSql,
  wanted: MeteorConditions,
  limit: number,
): Promise<StationCount[]> {
  return await sql<StationCount[]>`
    select code, left(code, 2) as country_code, count(*)::float8 as meteors
    from meteor m cross join lateral unnest(m.participating_stations) as code
    ${whereMeteor(sql, wanted, [sql`code is not null`])}
    group by 1 order by 3 desc, 1 limit ${limit}`;
}

const shower = z.string().nullable().meta({ description: "Code; null for a sporadic meteor." });

/** The geocentric radiant of a meteor. */
export const radiantSchema = z.object({
  id: z.string(),
  time: z.string(),
  shower,
  sun_centred_longitude_deg: z.number().meta({
    description: "lamgeo_deg - sol_lon_deg, 0 to 360: the Sun at 0, the apex at 270.",
  }),
  latitude_deg: z.number().meta({ description: "Ecliptic latitude, J2000." }),
  rageo_deg: z.number().nullable(),
  decgeo_deg: z.number().nullable(),
  vgeo_km_s: z.number().nullable(),
});
export type Radiant = z.infer<typeof radiantSchema>;

/** The geocentric radiants of the latest meteors, newest first. */
export async function readRadiants(
  sql: TransactionSql,
  wanted: MeteorConditions,
  limit: number,
): Promise<Radiant[]> {
  const isWhole = sql`m.beginning_utc_time is not null and m.lamgeo_deg is not null
    and m.betgeo_deg is not null and m.sol_lon_deg is not null`;
  return await sql<Radiant[]>`
    select m.id, ${sql.unsafe(TIME)} as time, m.iau_code as shower,
      m.lamgeo_deg - m.sol_lon_deg - 360 * floor((m.lamgeo_deg - m.sol_lon_deg) / 360)
        as sun_centred_longitude_deg,
      m.betgeo_deg as latitude_deg, m.rageo_deg, m.decgeo_deg, m.vgeo_km_s
    from meteor m ${whereMeteor(sql, wanted, [isWhole])}
    order by m.beginning_utc_time desc, m.id desc limit ${limit}`;
}

/** Latitude +N, longitude +E, height above the WGS84 ellipsoid. */
const trackPointSchema = z.object({
  lat_deg: z.number(),
  lon_deg: z.number(),
  height_km: z.number().nullable(),
});

/** The beginning and the end of a meteor's track. */
export const groundTrackSchema = z.object({
  id: z.string(),
  time: z.string(),
  shower,
  peak_absmag: z.number().nullable(),
  begin: trackPointSchema,
  end: trackPointSchema,
});
export type GroundTrack = z.infer<typeof groundTrackSchema>;

/** The ground tracks of the latest meteors, newest first. */
export async function readGroundTracks(
  sql: TransactionSql,
  wanted: MeteorConditions,
  limit: number,
): Promise<GroundTrack[]> {
  const isWhole = sql`m.beginning_utc_time is not null and m.latbeg_n_deg is not null
    and m.lonbeg_e_deg is not null and m.latend_n_deg is not null and m.lonend_e_deg is not null`;
  return await sql<GroundTrack[]>`
    select m.id, ${sql.unsafe(TIME)} as time, m.iau_code as shower, m.peak_absmag,
      json_build_object('lat_deg', m.latbeg_n_deg, 'lon_deg', m.lonbeg_e_deg,
        'height_km', m.htbeg_km) as begin,
      json_build_object('lat_deg', m.latend_n_deg, 'lon_deg', m.lonend_e_deg,
        'height_km', m.htend_km) as end
    from meteor m ${whereMeteor(sql, wanted, [isWhole])}
    order by m.beginning_utc_time desc, m.id desc limit ${limit}`;
}
