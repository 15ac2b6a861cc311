-- Replays of dead letters. The letters are a projection of one topic and the success of a replay is one of another
-- (trajectory_summary_raw, in the transaction that loads the record), and the two are read independently: so each has its own
-- table, and whoever asks joins them. A column could be set before its row is there.

ALTER TABLE dead_letter DROP COLUMN replayed_at;
ALTER TABLE dead_letter ADD COLUMN columns text[];
COMMENT ON COLUMN dead_letter.at IS 'When it was given up; when it was replayed and failed again, the last time.';
COMMENT ON COLUMN dead_letter.columns IS
  'read: the schema''s fields that the columns of the line stand for, in their order, by the header of its file; null for a column that is none.';

CREATE TABLE dead_letter_replay (
  letter_id text COLLATE "C" PRIMARY KEY,
  replayed_at timestamptz NOT NULL,
  topic_partition integer NOT NULL,
  topic_offset bigint NOT NULL
);
COMMENT ON TABLE dead_letter_replay IS
  'Dead letters whose replay was loaded (dead_letter.id). A projection of trajectory_summary_raw, whose records say which letter they replay.';
COMMENT ON COLUMN dead_letter_replay.replayed_at IS 'Time of the record that replayed it.';
COMMENT ON COLUMN dead_letter_replay.topic_partition IS 'Partition of trajectory_summary_raw that record is in.';
COMMENT ON COLUMN dead_letter_replay.topic_offset IS 'Offset of that record in the partition.';
