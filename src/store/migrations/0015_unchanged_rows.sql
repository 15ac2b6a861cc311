-- Rows that say what the log already says are not published again (docs/decisions/0021-unchanged-rows.md): by what the
-- producer recognises their lines, and how many of them runs have had.

ALTER TABLE meteor ADD COLUMN line_digest bigint;
COMMENT ON COLUMN meteor.line_digest IS
  'Digest (XXH64) of the line of a file from which the record was made that last changed this row, and of how lines are read: the producer does not publish the same line again. Null: not known.';

-- A row that is changed by hand loses both digests. One whose record is published again (another offset) keeps them.
CREATE OR REPLACE FUNCTION meteor_forget_digest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.value_digest := NULL;
  NEW.line_digest := NULL;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION meteor_forget_digest() IS
  'Removes the digests of a row that was changed without new ones: the next record of the trajectory repairs the row.';
DROP TRIGGER meteor_forget_digest ON meteor;
CREATE TRIGGER meteor_forget_digest BEFORE UPDATE ON meteor FOR EACH ROW
  WHEN (NEW.value_digest IS NOT DISTINCT FROM OLD.value_digest
    AND NEW.topic_partition = OLD.topic_partition AND NEW.topic_offset = OLD.topic_offset)
  EXECUTE FUNCTION meteor_forget_digest();

COMMENT ON COLUMN meteor.topic_offset IS
  'Offset of that record in the partition; -1 when the log has no such record: the next record of the trajectory is published, and the row then says where it is.';

ALTER TABLE run_loaded ADD COLUMN rows_unchanged bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN run_loaded.rows_unchanged IS
  'Rows that the run found unchanged and did not publish, and whose file generation has been stored.';
ALTER TABLE ingestion_run_file ADD COLUMN rows_unchanged bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN ingestion_run_file.rows_unchanged IS
  'Rows that say what the log already says: not published again. rows_read = rows_published + rows_unchanged + rows_rejected.';
ALTER TABLE ingestion_file ADD COLUMN rows_unchanged bigint NOT NULL DEFAULT 0;
UPDATE ingestion_run_event SET detail = jsonb_set(detail, '{rows,unchanged}', '0') WHERE jsonb_exists(detail, 'rows');
