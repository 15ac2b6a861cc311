-- Projection of the topic trajectory_summary_dead_letter: what could not go on, and whether it has been replayed.

CREATE TABLE dead_letter (
  id text COLLATE "C" PRIMARY KEY,
  at timestamptz NOT NULL,
  stage text NOT NULL,
  reason text NOT NULL,
  field text,
  run_id text COLLATE "C",
  source_file text COLLATE "C",
  source_line bigint,
  source_generated_at timestamptz,
  text text,
  topic text COLLATE "C",
  topic_partition integer,
  topic_offset bigint,
  key bytea,
  value bytea,
  schema_id integer,
  replayed_at timestamptz
);
CREATE INDEX dead_letter_at ON dead_letter (at, id);
CREATE INDEX dead_letter_run_id ON dead_letter (run_id) WHERE run_id IS NOT NULL;
COMMENT ON TABLE dead_letter IS
  'Lines of files that could not be read and records that could not be decoded or stored, each with all it takes to understand it and to try again.';
COMMENT ON COLUMN dead_letter.id IS
  'Where it comes from, so that the same failure seen twice is one row: file:<file>@<generated at>#<line> or <topic>-<partition>@<offset>.';
COMMENT ON COLUMN dead_letter.at IS 'When it was given up.';
COMMENT ON COLUMN dead_letter.stage IS 'read: a line of a file; decode: a record''s bytes; load: a record the database refused.';
COMMENT ON COLUMN dead_letter.reason IS 'Why, in plain words, with the values.';
COMMENT ON COLUMN dead_letter.field IS 'The field of the schema that was wrong, where one was.';
COMMENT ON COLUMN dead_letter.text IS 'read: the line as it was (a NUL character, which PostgreSQL can''t store, is shown as ␀).';
COMMENT ON COLUMN dead_letter.key IS 'decode, load: key of the record.';
COMMENT ON COLUMN dead_letter.value IS 'decode, load: value of the record.';
COMMENT ON COLUMN dead_letter.schema_id IS 'decode, load: the writer''s schema id, where one could be read.';
COMMENT ON COLUMN dead_letter.replayed_at IS 'When a replay of it succeeded; null while it waits.';
