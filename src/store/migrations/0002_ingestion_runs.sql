-- Projections of the topic ingestion_run: the runs, their files, and the files already ingested.

CREATE TABLE ingestion_run (
  id text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL,
  selection jsonb NOT NULL,
  state text NOT NULL,
  requested_by text NOT NULL,
  idempotency_key text COLLATE "C" UNIQUE,
  owner text,
  requested_at timestamptz NOT NULL,
  started_at timestamptz,
  ended_at timestamptz,
  reason text,
  files_planned integer,
  next_offsets jsonb,
  last_event_offset bigint NOT NULL
);
CREATE INDEX ingestion_run_state ON ingestion_run (state) WHERE state IN ('requested', 'running');
COMMENT ON TABLE ingestion_run IS
  'Ingestion runs, newest id last (ids are UUIDs of version 7). A projection of the topic ingestion_run.';
COMMENT ON COLUMN ingestion_run.kind IS 'daily, backfill or upload.';
COMMENT ON COLUMN ingestion_run.selection IS
  'What was asked for: {"days":10}, {"all":true}, {"year":2024}, {"month":"2024-08"}, {"from":…,"to":…} or {"upload":…}.';
COMMENT ON COLUMN ingestion_run.state IS 'requested, running, completed, failed or cancelled.';
COMMENT ON COLUMN ingestion_run.requested_by IS 'schedule, http, cli or boot.';
COMMENT ON COLUMN ingestion_run.idempotency_key IS 'The caller''s Idempotency-Key: the same key again is the same run.';
COMMENT ON COLUMN ingestion_run.owner IS 'The process that works on the run, or last did.';
COMMENT ON COLUMN ingestion_run.reason IS 'Why it failed or was cancelled.';
COMMENT ON COLUMN ingestion_run.files_planned IS 'Number of files the run looks at; null before it is known.';
COMMENT ON COLUMN ingestion_run.next_offsets IS
  'Per partition of trajectory_summary_raw, the offset after the run''s last record: the run is loaded when consumer_offset is there.';
COMMENT ON COLUMN ingestion_run.last_event_offset IS 'Offset in ingestion_run of the last event folded into this row.';

CREATE TABLE ingestion_run_file (
  run_id text COLLATE "C" NOT NULL REFERENCES ingestion_run (id) ON DELETE CASCADE,
  file text COLLATE "C" NOT NULL,
  state text NOT NULL,
  size_bytes bigint,
  etag text,
  last_modified text,
  listed text,
  generated_at timestamptz,
  byte_offset bigint,
  line_number bigint,
  rows_read bigint NOT NULL DEFAULT 0,
  rows_published bigint NOT NULL DEFAULT 0,
  rows_rejected bigint NOT NULL DEFAULT 0,
  reason text,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (run_id, file)
);
COMMENT ON TABLE ingestion_run_file IS 'The files of each run and how far they got.';
COMMENT ON COLUMN ingestion_run_file.file IS 'Path relative to the data directory.';
COMMENT ON COLUMN ingestion_run_file.state IS 'planned, reading, extracted, skipped or failed.';
COMMENT ON COLUMN ingestion_run_file.last_modified IS 'The Last-Modified header as sent.';
COMMENT ON COLUMN ingestion_run_file.listed IS 'Date and size as the directory listing showed them.';
COMMENT ON COLUMN ingestion_run_file.generated_at IS 'The generation stamp inside the file.';
COMMENT ON COLUMN ingestion_run_file.byte_offset IS 'Everything before this byte is published; a resumed run goes on here.';
COMMENT ON COLUMN ingestion_run_file.line_number IS 'Number of the last line before byte_offset, from 1.';
COMMENT ON COLUMN ingestion_run_file.reason IS 'Why it was skipped or failed.';

CREATE TABLE ingestion_file (
  file text COLLATE "C" PRIMARY KEY,
  size_bytes bigint,
  etag text,
  last_modified text,
  listed text,
  generated_at timestamptz,
  rows_read bigint NOT NULL,
  rows_published bigint NOT NULL,
  rows_rejected bigint NOT NULL,
  run_id text COLLATE "C" NOT NULL,
  extracted_at timestamptz NOT NULL
);
COMMENT ON TABLE ingestion_file IS
  'The latest complete extraction of each source file: what tells an unchanged file from a changed one.';
