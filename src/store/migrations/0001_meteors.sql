-- The data store proper: meteors, showers, stations, and how far into the log they go.
--
-- `meteor` has a column for each field of schemas/trajectory_summary.avsc, with the same name but for
-- unique_trajectory_identifier (here `id`) and iau_no (here `iau_shower_id`). Fields added to the schema later become
-- columns at the next start (src/store/derived_tables.ts), which also writes the comments of these columns and the view
-- meteor_summary.
--
-- There are no foreign keys (meteor.iau_shower_id to iau_shower, participating_station to meteor and station): checked row by
-- row, those of participating_station took twice the time of writing its rows, that of meteor a seventh of a whole load. The
-- loader's transaction writes the other end first. (NOT ENFORCED ones, of PostgreSQL 18, make TRUNCATE of these tables fail.)
--
-- Identifiers and codes are COLLATE "C": they are case-sensitive bytes, not words of a language, and compare fastest so.

CREATE TABLE iau_shower (
  number integer PRIMARY KEY,
  code text COLLATE "C",
  name text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE iau_shower IS
  'Meteor showers that occur in the data: those of the IAU Meteor Data Center''s list, and provisional ones of the GMN.';
COMMENT ON COLUMN iau_shower.number IS
  'IAU number; provisional showers have numbers from 9001, which the GMN has used again for other showers.';
COMMENT ON COLUMN iau_shower.code IS
  'Code of the latest meteor (by its time) with this number; a meteor''s own code is meteor.iau_code.';
COMMENT ON COLUMN iau_shower.name IS 'Name, where one is known; the trajectory summaries have none.';

CREATE TABLE station (
  code text COLLATE "C" PRIMARY KEY,
  country_code text COLLATE "C" GENERATED ALWAYS AS (left(code, 2)) STORED,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE station IS 'Camera stations that took part in at least one trajectory.';
COMMENT ON COLUMN station.code IS 'Station code, for instance UK000H.';
COMMENT ON COLUMN station.country_code IS 'The first two letters of the code: the country (ISO 3166-1 alpha-2).';

CREATE TABLE meteor (
  id text COLLATE "C" PRIMARY KEY,
  beginning_julian_date double precision,
  beginning_utc_time timestamptz,
  iau_shower_id integer,
  iau_code text COLLATE "C",
  sol_lon_deg double precision,
  app_lst_deg double precision,
  rageo_deg double precision,
  sigma double precision,
  decgeo_deg double precision,
  sigma_1 double precision,
  lamgeo_deg double precision,
  sigma_2 double precision,
  betgeo_deg double precision,
  sigma_3 double precision,
  vgeo_km_s double precision,
  sigma_4 double precision,
  lamhel_deg double precision,
  sigma_5 double precision,
  bethel_deg double precision,
  sigma_6 double precision,
  vhel_km_s double precision,
  sigma_7 double precision,
  a_au double precision,
  sigma_8 double precision,
  e double precision,
  sigma_9 double precision,
  i_deg double precision,
  sigma_10 double precision,
  peri_deg double precision,
  sigma_11 double precision,
  node_deg double precision,
  sigma_12 double precision,
  pi_deg double precision,
  sigma_13 double precision,
  b_deg double precision,
  sigma_14 double precision,
  q_au double precision,
  sigma_15 double precision,
  f_deg double precision,
  sigma_16 double precision,
  m_deg double precision,
  sigma_17 double precision,
  q_au_ double precision,
  sigma_18 double precision,
  n_deg_day double precision,
  sigma_19 double precision,
  t_years double precision,
  sigma_20 double precision,
  tisserandj double precision,
  sigma_21 double precision,
  raapp_deg double precision,
  sigma_22 double precision,
  decapp_deg double precision,
  sigma_23 double precision,
  azim_e_of_n_deg double precision,
  sigma_24 double precision,
  elev_deg double precision,
  sigma_25 double precision,
  vinit_km_s double precision,
  sigma_26 double precision,
  vavg_km_s double precision,
  sigma_27 double precision,
  latbeg_n_deg double precision,
  sigma_28 double precision,
  lonbeg_e_deg double precision,
  sigma_29 double precision,
  htbeg_km double precision,
  sigma_30 double precision,
  latend_n_deg double precision,
  sigma_31 double precision,
  lonend_e_deg double precision,
  sigma_32 double precision,
  htend_km double precision,
  sigma_33 double precision,
  duration_sec double precision,
  peak_absmag double precision,
  peak_ht_km double precision,
  f_param double precision,
  mass_kg_tau_0_7 double precision,
  qc_deg double precision,
  medianfiterr_arcsec double precision,
  beg_in_fov boolean,
  end_in_fov boolean,
  num_stat bigint,
  participating_stations text[] COLLATE "C",
  schema_version text COLLATE "C",
  source_file text COLLATE "C",
  source_line bigint,
  source_generated_at timestamptz,
  run_id text COLLATE "C",
  topic_partition integer NOT NULL,
  topic_offset bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  withdrawn_at timestamptz
);
COMMENT ON TABLE meteor IS
  'One row per trajectory, as last published by the Global Meteor Network. Angles in degrees (J2000), speeds in km/s, heights in km above the WGS84 ellipsoid, times in UTC. The columns from source_file on say where the row comes from.';
COMMENT ON COLUMN meteor.source_file IS
  'File of the record that last changed this row, relative to the data directory; null from producers that send none.';
COMMENT ON COLUMN meteor.source_line IS 'Line in that file, from 1.';
COMMENT ON COLUMN meteor.source_generated_at IS
  'When the source generated that file. A record of an older generation never overwrites the row (see meteor_generation).';
COMMENT ON COLUMN meteor.run_id IS 'The ingestion run that published that record (ingestion_run.id).';
COMMENT ON COLUMN meteor.topic_partition IS 'Partition of trajectory_summary_raw that record is in.';
COMMENT ON COLUMN meteor.topic_offset IS 'Offset of that record in the partition.';
COMMENT ON COLUMN meteor.created_at IS 'When the row was first stored here.';
COMMENT ON COLUMN meteor.updated_at IS 'When the row was last changed here; the same values again change nothing.';
COMMENT ON COLUMN meteor.withdrawn_at IS
  'Time of the tombstone by which the source withdrew the trajectory; null while it stands. The values stay.';

-- What people ask for: a time, a shower over time, a place. Each costs loading speed (docs/performance.md).
CREATE INDEX meteor_beginning_utc_time ON meteor (beginning_utc_time);
CREATE INDEX meteor_iau_code ON meteor (iau_code, beginning_utc_time) WHERE iau_code IS NOT NULL;
CREATE INDEX meteor_position ON meteor (latbeg_n_deg, lonbeg_e_deg);
-- What has changed since? For whoever copies the store onwards. Rows of one batch share a time, so it is small.
CREATE INDEX meteor_updated_at ON meteor (updated_at);

CREATE TABLE participating_station (
  meteor_id text COLLATE "C" NOT NULL,
  station_code text COLLATE "C" NOT NULL,
  PRIMARY KEY (meteor_id, station_code)
);
CREATE INDEX participating_station_station_code ON participating_station (station_code);
COMMENT ON TABLE participating_station IS
  'Which stations took part in which trajectory: meteor.participating_stations, one row each, to be joined and searched.';

CREATE TABLE meteor_generation (
  meteor_id text COLLATE "C" PRIMARY KEY,
  generated_at timestamptz NOT NULL
);
COMMENT ON TABLE meteor_generation IS
  'The newest file generation seen of a trajectory, where it is newer than meteor.source_generated_at: a newer file had the same values, so the (wide) row was left alone, yet older files must not overwrite it.';

CREATE TABLE consumer_offset (
  topic text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  next_offset bigint NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, partition)
);
COMMENT ON TABLE consumer_offset IS
  'How far into the log this database goes. Written in the transaction that writes the rows, so it is never wrong; consumers start from here, not from the group''s offset in Kafka.';
COMMENT ON COLUMN consumer_offset.next_offset IS 'Offset of the first record that is not in this database.';

CREATE TABLE run_loaded (
  run_id text COLLATE "C" NOT NULL,
  topic text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  rows_loaded bigint NOT NULL,
  rows_dead bigint NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, topic, partition)
);
COMMENT ON TABLE run_loaded IS
  'How many records of a run have come through the sink, counted in the transaction that loads them. The run id is empty for records of producers that send none.';
COMMENT ON COLUMN run_loaded.rows_loaded IS 'Records loaded, whether they changed a row or not.';
COMMENT ON COLUMN run_loaded.rows_dead IS 'Records that went to the dead letters.';
