-- Files that a run could not read yet: which attempt failed, why, and when the next one is.

ALTER TABLE ingestion_run_file ADD COLUMN attempts integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN ingestion_run_file.attempts IS 'How many attempts to read the file have been put off. A resumed run goes on counting.';
ALTER TABLE ingestion_run_file ADD COLUMN waiting_reason text;
COMMENT ON COLUMN ingestion_run_file.waiting_reason IS 'While the file waits for its next attempt: why the last one was put off.';
ALTER TABLE ingestion_run_file ADD COLUMN retry_at timestamptz;
COMMENT ON COLUMN ingestion_run_file.retry_at IS
  'While the file waits for its next attempt: when that is, at the earliest. Null: it does not wait.';
