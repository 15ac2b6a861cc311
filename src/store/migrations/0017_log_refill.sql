-- Everything in this database can be published again to a new log (src/recovery/refill.ts).

-- No projection: how far a refill of a log has got, so that an interrupted one goes on. A row is removed when its refill is complete.
CREATE TABLE log_refill (
  log_id text COLLATE "C" PRIMARY KEY,
  rows_after text COLLATE "C" NOT NULL DEFAULT '',
  is_raw_complete boolean NOT NULL DEFAULT false,
  started_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE log_refill IS 'Refills that are not complete: the log that is filled from this data store, and how far it has got.';
COMMENT ON COLUMN log_refill.rows_after IS 'The rows of meteor up to this id are in the log.';
COMMENT ON COLUMN log_refill.is_raw_complete IS 'Everything of the topic trajectory_summary_raw is in the log.';
