-- By what a record is known again whose values the row has already, without its values being looked at (src/store/repeats.ts).

ALTER TABLE meteor ADD COLUMN value_digest bigint;
COMMENT ON COLUMN meteor.value_digest IS
  'Digest (XXH64) of the record that last changed this row and of how its values are kept: the same again changes nothing. Null: not known, the next record is compared value by value.';

-- Whoever changes a row by hand changes its values and not its digest. Then the digest is no longer that of the row.
CREATE FUNCTION meteor_forget_digest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.value_digest := NULL;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION meteor_forget_digest() IS
  'Takes the digest off a row that was changed without a new one: the next record of the trajectory mends the row.';
CREATE TRIGGER meteor_forget_digest BEFORE UPDATE ON meteor FOR EACH ROW
  WHEN (NEW.value_digest IS NOT DISTINCT FROM OLD.value_digest)
  EXECUTE FUNCTION meteor_forget_digest();
