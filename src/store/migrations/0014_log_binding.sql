-- Which log this database is built from, and what recognises another one (docs/decisions/0020-log-identity.md).

CREATE TABLE log_binding (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  data_store_id uuid,
  log_id text COLLATE "C",
  decision text,
  bound_at timestamptz
);
COMMENT ON TABLE log_binding IS
  'The log that this database is built from: one row. Nothing is read from or written to a log with another id until somebody decides.';
COMMENT ON COLUMN log_binding.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN log_binding.data_store_id IS
  'Id of this data store, which the log records in its topic gmn_log_identity. Null before the first start. A copy of the database has the same id.';
COMMENT ON COLUMN log_binding.log_id IS
  'Id of the log, from its topic gmn_log_identity. Null: not bound yet; the next start binds it if the log fits.';
COMMENT ON COLUMN log_binding.decision IS
  'Why it is bound: first, adopt, reread, refill or moved, as in schemas/log_identity_event.avsc.';
COMMENT ON COLUMN log_binding.bound_at IS 'When it was bound.';
INSERT INTO log_binding DEFAULT VALUES;

ALTER TABLE consumer_offset
  ADD COLUMN log_start_offset bigint NOT NULL DEFAULT 0,
  ADD COLUMN witness_offset bigint,
  ADD COLUMN witness_digest bigint;
COMMENT ON COLUMN consumer_offset.log_start_offset IS
  'The first offset that the log must have: where reading began, or a later beginning that somebody accepted. A log that begins later was truncated.';
COMMENT ON COLUMN consumer_offset.witness_offset IS
  'Offset of the last record of the last batch that was loaded. The log must have the same record there, or it is not the log that was loaded.';
COMMENT ON COLUMN consumer_offset.witness_digest IS
  'First 64 bits of the SHA-256 of that record''s time, key and value. Null: not known; nothing is compared.';

COMMENT ON COLUMN meteor.topic_offset IS
  'Offset of that record in the partition; -1 when the log no longer has it (its log was lost, replaced or truncated).';
