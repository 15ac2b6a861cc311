-- Letters may be about whole record batches (stage fetch): what the columns say of them.

COMMENT ON TABLE dead_letter IS
  'Lines of files that could not be read and records (or whole record batches) that could not be read, decoded or stored, each with all it takes to understand it and to try again.';
COMMENT ON COLUMN dead_letter.id IS
  'Where it comes from, so that the same failure seen twice is one row: file:<file>@<generated at>#<line>, <topic>-<partition>@<offset> or batch:<topic>-<partition>@<first offset>.';
COMMENT ON COLUMN dead_letter.stage IS
  'read: a line of a file; fetch: a whole record batch of the log; decode: a record''s bytes; load: a record the database refused.';
COMMENT ON COLUMN dead_letter.topic_offset IS 'decode, load: offset of the record; fetch: the batch''s first offset.';
COMMENT ON COLUMN dead_letter.value IS
  'decode, load: value of the record; fetch: the batch as it lies in the log. Where only a first part was kept the reason says so.';
