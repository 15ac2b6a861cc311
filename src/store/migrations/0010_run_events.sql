-- The events of each run, as people read them: another projection of the topic ingestion_run.

CREATE TABLE ingestion_run_event (
  run_id text COLLATE "C" NOT NULL REFERENCES ingestion_run (id) ON DELETE CASCADE,
  event_offset bigint NOT NULL,
  at timestamptz NOT NULL,
  name text NOT NULL,
  file text COLLATE "C",
  detail jsonb NOT NULL,
  PRIMARY KEY (run_id, event_offset)
);
COMMENT ON TABLE ingestion_run_event IS
  'What happened to each run, in the order of the topic ingestion_run: its events that changed something, without file_progress. Runs from before this table have none until the topic is rebuilt.';
COMMENT ON COLUMN ingestion_run_event.event_offset IS 'Offset of the event in the topic ingestion_run.';
COMMENT ON COLUMN ingestion_run_event.name IS 'The type of the event, as in schemas/ingestion_run_event.avsc.';
COMMENT ON COLUMN ingestion_run_event.file IS 'The file it is about, relative to the data directory; null when it is about the whole run.';
COMMENT ON COLUMN ingestion_run_event.detail IS
  'What else the event says, for people: reason, counts of rows, owner, selection, …, by its name.';
