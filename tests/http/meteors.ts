/**
 * Inserts meteors directly into the table, for tests that read it.
 */
import type { Sql } from "../../src/store/connection.ts";

/** Values of columns of `meteor`; times as ISO 8601 texts. Omitted columns get fixed values. */
export interface MeteorRow {
  readonly id: string;
  readonly [column: string]: unknown;
}

const STANDARD = {
  beginning_utc_time: "2024-08-12T22:00:00Z",
  sol_lon_deg: 140,
  lamgeo_deg: 50,
  betgeo_deg: 38,
  rageo_deg: 48,
  decgeo_deg: 58,
  latbeg_n_deg: 51,
  lonbeg_e_deg: 1,
  htbeg_km: 110,
  latend_n_deg: 51.2,
  lonend_e_deg: 1.4,
  htend_km: 90,
  topic_partition: 0,
  topic_offset: 1,
};

/** Inserts them, with their stations. */
export async function insertMeteors(sql: Sql, rows: readonly MeteorRow[]): Promise<void> {
  await sql`insert into iau_shower (number, code, name)
    values (7, 'PER', 'Perseids'), (4, 'GEM', null) on conflict do nothing`;
  for (const row of rows) {
    // Through JSON, so that every column parses its own text: times keep their microseconds.
    const values = JSON.stringify({ ...STANDARD, ...row });
    await sql`
      insert into meteor select (jsonb_populate_record(
        jsonb_populate_record(null::meteor, jsonb_build_object('created_at', now(), 'updated_at', now())),
        ${values}::text::jsonb)).*`;
  }
  await sql`
    insert into participating_station (meteor_id, station_code)
    select id, unnest(participating_stations) from meteor on conflict do nothing`;
  await sql`insert into station (code) select distinct station_code from participating_station
    on conflict do nothing`;
}
