/**
 * Numbers of many meteors at once, for plots: counts by night, value, shower and station, and the latest radiants and tracks.
 *
 * Each answer is bounded by what it is grouped by or by its `limit`, whatever the number of meteors.
 */
import type { TransactionSql } from "./connection.ts";
import { type MeteorConditions, whereMeteor } from "./meteor_conditions.ts";

/** How many meteors, from when to when. */
export interface MeteorTotals {
  readonly meteors: number;
  readonly first: string | null;
  readonly last: string | null;
  /** Of them, those stored here or changed since 0:00 UTC of today. */
  readonly loadedToday: number;
  readonly newestUpdate: string | null;
}

const ISO = `YYYY-MM-DD"T"HH24:MI:SS.US"Z"`;

export async function readTotals(
  sql: TransactionSql,
  wanted: MeteorConditions,
): Promise<MeteorTotals> {
  const [row] = await sql<
    {
      meteors: bigint;
      first: string | null;
      last: string | null;
      today: bigint;
      update: string | null;
    }[]
  >`
    select count(*) as meteors,
      to_char(min(m.beginning_utc_time) at time zone 'UTC', ${ISO}) as first,
      to_char(max(m.beginning_utc_time) at time zone 'UTC', ${ISO}) as last,
      count(*) filter (where m.updated_at >= date_trunc('day', now(), 'UTC')) as today,
      to_char(max(m.updated_at) at time zone 'UTC', ${ISO}) as update
    from meteor m ${whereMeteor(sql, wanted)}`;
  return {
    meteors: Number(row!.meteors),
    first: row!.first,
    last: row!.last,
    loadedToday: Number(row!.today),
    newestUpdate: row!.update,
  };
}

/** Nights in one answer: more than twenty years of them. */
export const NIGHTS_MAX = 10_000;

/**
 * Meteors per night, nights without any left out, oldest first (of the newest `NIGHTS_MAX`). A night goes from noon to noon UTC
 * and has the date of its first noon: the Julian day, which keeps a night of Europe and America whole.
 */
export async function readNights(
  sql: TransactionSql,
  wanted: MeteorConditions,
): Promise<{ night: string; meteors: number; shower_meteors: number }[]> {
  const rows = await sql<{ night: string; meteors: bigint; shower_meteors: bigint }[]>`
    select night::text, meteors, shower_meteors from (
      select ((m.beginning_utc_time at time zone 'UTC') - interval '12 hours')::date as night,
        count(*) as meteors, count(m.iau_code) as shower_meteors
      from meteor m ${whereMeteor(sql, wanted, [sql`m.beginning_utc_time is not null`])}
      group by 1 order by 1 desc limit ${NIGHTS_MAX}) counted
    order by 1`;
  return rows.map(({ night, meteors, shower_meteors }) => ({
    night,
    meteors: Number(meteors),
    shower_meteors: Number(shower_meteors),
  }));
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

export interface Histogram {
  readonly bins: { from: number; to: number; meteors: number }[];
  /** Outside the bins, and without a value. */
  readonly below: number;
  readonly above: number;
  readonly missing: number;
}

/** How many meteors have which value of a field. A bin has its lower end and not its upper. */
export async function readHistogram(
  sql: TransactionSql,
  wanted: MeteorConditions,
  field: HistogramField,
): Promise<Histogram> {
  const { low, width, bins } = HISTOGRAMS[field];
  const rows = await sql<{ bin: number | null; meteors: bigint }[]>`
    select width_bucket(m.${sql(field)}::float8, ${low}::float8, ${low + width * bins}::float8,
        ${bins}::int) as bin, count(*) as meteors
    from meteor m ${whereMeteor(sql, wanted)} group by 1`;
  const counts = new Map(rows.map(({ bin, meteors }) => [bin, Number(meteors)]));
  // 0.1 * 3 is not 0.3; the ends are for people to read.
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

export interface ShowerCount {
  readonly code: string;
  readonly number: number | null;
  readonly name: string | null;
  readonly meteors: number;
  readonly vgeo_km_s: number | null;
}

/** The showers with the most meteors, and how many meteors belong to none. */
export async function readShowerCounts(
  sql: TransactionSql,
  wanted: MeteorConditions,
  limit: number,
): Promise<{ showers: ShowerCount[]; sporadic: number; meteors: number }> {
  const rows = await sql<
    {
      code: string | null;
      number: number | null;
      name: string | null;
      meteors: bigint;
      vgeo_km_s: number | null;
      of: bigint;
      sporadic: bigint;
    }[]
  >`
    with counted as (
      select m.iau_code as code, max(m.iau_shower_id) as number, count(*) as meteors,
        avg(m.vgeo_km_s) as vgeo_km_s
      from meteor m ${whereMeteor(sql, wanted)} group by 1
    ), summed as (
      select coalesce(sum(meteors), 0)::bigint as of,
        coalesce(sum(meteors) filter (where code is null), 0)::bigint as sporadic from counted
    )
    select counted.*, summed.*, s.name
    from summed left join (
      select * from counted where code is not null order by meteors desc, code limit ${limit}
    ) counted on true
    left join iau_shower s on s.number = counted.number and s.code = counted.code
    order by counted.meteors desc, counted.code`;
  return {
    showers: rows.flatMap(({ code, number, name, meteors, vgeo_km_s }) =>
      code === null ? [] : [{ code, number, name, meteors: Number(meteors), vgeo_km_s }]
    ),
    sporadic: Number(rows[0]?.sporadic ?? 0n),
    meteors: Number(rows[0]?.of ?? 0n),
  };
}

/** The stations that saw the most meteors. */
export async function readStationCounts(
  sql: TransactionSql,
  wanted: MeteorConditions,
  limit: number,
): Promise<{ code: string; country_code: string; meteors: number }[]> {
  const rows = await sql<{ code: string; meteors: bigint }[]>`
    select code, count(*) as meteors
    from meteor m cross join lateral unnest(m.participating_stations) as code
    ${whereMeteor(sql, wanted, [sql`code is not null`])}
    group by 1 order by 2 desc, 1 limit ${limit}`;
  return rows.map(({ code, meteors }) => ({
    code,
    country_code: code.slice(0, 2),
    meteors: Number(meteors),
  }));
}

/** Where a meteor came from. Sun-centred longitude is lamgeo_deg - sol_lon_deg, 0 to 360: the Sun at 0, the apex at 270. */
export interface Radiant {
  readonly id: string;
  readonly time: string;
  readonly shower: string | null;
  readonly sun_centred_longitude_deg: number;
  readonly latitude_deg: number;
  readonly rageo_deg: number | null;
  readonly decgeo_deg: number | null;
  readonly vgeo_km_s: number | null;
}

/** The geocentric radiants of the latest meteors, newest first. */
export async function readRadiants(
  sql: TransactionSql,
  wanted: MeteorConditions,
  limit: number,
): Promise<Radiant[]> {
  const isWhole = sql`m.beginning_utc_time is not null and m.lamgeo_deg is not null
    and m.betgeo_deg is not null and m.sol_lon_deg is not null`;
  return await sql<Radiant[]>`
    select m.id, to_char(m.beginning_utc_time at time zone 'UTC', ${ISO}) as time,
      m.iau_code as shower,
      m.lamgeo_deg - m.sol_lon_deg - 360 * floor((m.lamgeo_deg - m.sol_lon_deg) / 360)
        as sun_centred_longitude_deg,
      m.betgeo_deg as latitude_deg, m.rageo_deg, m.decgeo_deg, m.vgeo_km_s
    from meteor m ${whereMeteor(sql, wanted, [isWhole])}
    order by m.beginning_utc_time desc, m.id desc limit ${limit}`;
}

/** Where a meteor was. Latitude +N, longitude +E, height above the WGS84 ellipsoid. */
export interface GroundTrack {
  readonly id: string;
  readonly time: string;
  readonly shower: string | null;
  readonly peak_absmag: number | null;
  readonly begin: TrackPoint;
  readonly end: TrackPoint;
}
export interface TrackPoint {
  readonly lat_deg: number;
  readonly lon_deg: number;
  readonly height_km: number | null;
}

/** The ground tracks of the latest meteors, newest first. */
export async function readGroundTracks(
  sql: TransactionSql,
  wanted: MeteorConditions,
  limit: number,
): Promise<GroundTrack[]> {
  const isWhole = sql`m.beginning_utc_time is not null and m.latbeg_n_deg is not null
    and m.lonbeg_e_deg is not null and m.latend_n_deg is not null and m.lonend_e_deg is not null`;
  const rows = await sql<
    {
      id: string;
      time: string;
      shower: string | null;
      peak_absmag: number | null;
      latbeg: number;
      lonbeg: number;
      htbeg: number | null;
      latend: number;
      lonend: number;
      htend: number | null;
    }[]
  >`
    select m.id, to_char(m.beginning_utc_time at time zone 'UTC', ${ISO}) as time,
      m.iau_code as shower, m.peak_absmag,
      m.latbeg_n_deg as latbeg, m.lonbeg_e_deg as lonbeg, m.htbeg_km as htbeg,
      m.latend_n_deg as latend, m.lonend_e_deg as lonend, m.htend_km as htend
    from meteor m ${whereMeteor(sql, wanted, [isWhole])}
    order by m.beginning_utc_time desc, m.id desc limit ${limit}`;
  return rows.map((row) => ({
    id: row.id,
    time: row.time,
    shower: row.shower,
    peak_absmag: row.peak_absmag,
    begin: { lat_deg: row.latbeg, lon_deg: row.lonbeg, height_km: row.htbeg },
    end: { lat_deg: row.latend, lon_deg: row.lonend, height_km: row.htend },
  }));
}
