-- Which trajectories each daily and monthly file brought, generation by generation: what tells that a file has one no more
-- (docs/decisions/0008-withdrawn-trajectories.md).

CREATE TABLE source_file_member (
  file text COLLATE "C" NOT NULL,
  generated_at timestamptz NOT NULL,
  ids text[] COLLATE "C" NOT NULL
);
CREATE INDEX source_file_member_file ON source_file_member (file, generated_at);
COMMENT ON TABLE source_file_member IS
  'Trajectories that daily and monthly files brought, one row per file, generation and loaded batch. Older generations are removed when they have been compared with a newer complete one.';
COMMENT ON COLUMN source_file_member.generated_at IS 'The generation stamp inside the file.';
COMMENT ON COLUMN source_file_member.ids IS
  'Trajectory ids, whether they changed a row or not. A record that is loaded again is in two rows.';

ALTER TABLE ingestion_file ADD COLUMN next_offsets jsonb;
COMMENT ON COLUMN ingestion_file.next_offsets IS
  'Per partition of trajectory_summary_raw, an offset behind the file''s last record: it is loaded when consumer_offset is there.';
