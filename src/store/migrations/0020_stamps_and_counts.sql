-- Generation stamps ahead of the clock are not believed (src/runs/file_stamp.ts), and what became of the rows of a run is counted
-- by outcome and by the epoch that published them (src/runs/row_accounts.ts).

ALTER TABLE run_loaded ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE run_loaded DROP CONSTRAINT run_loaded_pkey;
ALTER TABLE run_loaded ADD PRIMARY KEY (run_id, topic, partition, epoch);
COMMENT ON COLUMN run_loaded.epoch IS
  'Of the process that led when it published the records; 0 for records without one.';

ALTER TABLE run_loaded ADD COLUMN rows_new bigint NOT NULL DEFAULT 0;
ALTER TABLE run_loaded ADD COLUMN rows_changed bigint NOT NULL DEFAULT 0;
ALTER TABLE run_loaded ADD COLUMN rows_repeated bigint NOT NULL DEFAULT 0;
ALTER TABLE run_loaded ADD COLUMN rows_stale bigint NOT NULL DEFAULT 0;
ALTER TABLE run_loaded ADD COLUMN rows_duplicate bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN run_loaded.rows_loaded IS
  'Records loaded, whether they changed a row or not: the sum of rows_new, rows_changed, rows_repeated, rows_stale and rows_duplicate, except for records loaded before these were counted (a rebuild counts them). A row that was published twice is two records.';
COMMENT ON COLUMN run_loaded.rows_new IS 'Records that added a meteor.';
COMMENT ON COLUMN run_loaded.rows_changed IS 'Records that changed a meteor, or brought a withdrawn one back.';
COMMENT ON COLUMN run_loaded.rows_repeated IS 'Records that say what the data store already had.';
COMMENT ON COLUMN run_loaded.rows_stale IS 'Records of an older file generation than the meteor''s: they change nothing.';
COMMENT ON COLUMN run_loaded.rows_duplicate IS
  'Records of a trajectory that its file has twice, with fewer stations than the other: they change nothing.';

ALTER TABLE ingestion_run_file ADD COLUMN rows_published_by jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN ingestion_run_file.rows_published_by IS
  'How many of rows_published each epoch published: {"7":120}. Rows in none of them were published without an epoch.';
ALTER TABLE ingestion_run_file ADD COLUMN stamp_ahead timestamptz;
COMMENT ON COLUMN ingestion_run_file.stamp_ahead IS
  'The generation stamp inside the file, when it lay so far ahead of the clock that it was not believed; generated_at is null then.';

-- What earlier versions believed: rows that no later file could change. The digests go (trigger), so the next generation that has a row
-- publishes and repairs it; a rebuild does it at once. Nothing else of the row changes.
UPDATE meteor SET source_generated_at = NULL WHERE source_generated_at > now() + interval '1 day';
DELETE FROM meteor_generation WHERE generated_at > now() + interval '1 day';
-- Such a generation is no evidence of what a file has.
DELETE FROM source_file_member WHERE generated_at > now() + interval '1 day';
UPDATE ingestion_run_file SET stamp_ahead = generated_at, generated_at = NULL
  WHERE generated_at > updated_at + interval '12 hours';
UPDATE ingestion_file SET generated_at = NULL WHERE generated_at > extracted_at + interval '12 hours';
