-- Which generations of files can testify that a trajectory is missing (docs/decisions/0008-withdrawn-trajectories.md).

-- No projection: the leader writes it when it compares generations. A row is a finding that stays true, whatever happens to the members
-- that it was made from.
CREATE TABLE source_file_witness (
  file text COLLATE "C" NOT NULL,
  generated_at timestamptz NOT NULL,
  run_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (file, generated_at)
);
COMMENT ON TABLE source_file_witness IS
  'Generations of daily and monthly files of which every line was read and every row was loaded: a trajectory that such a generation lacks is missing. Recorded when the generation is compared with an older one.';
COMMENT ON COLUMN source_file_witness.generated_at IS 'The generation stamp inside the file.';
COMMENT ON COLUMN source_file_witness.run_id IS 'The run that extracted it.';

COMMENT ON TABLE source_file_member IS
  'Trajectories that daily and monthly files brought, one row per file, generation and loaded batch. An older generation is removed when each trajectory that only it has is withdrawn, or is in a record that is newer than the generation without it.';

CREATE INDEX ingestion_run_file_file ON ingestion_run_file (file);
