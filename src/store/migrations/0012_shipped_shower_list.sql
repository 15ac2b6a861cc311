-- The list may be the one that the service ships (docs/decisions/0009-shower-names.md): the same columns, said as they are now.

COMMENT ON TABLE iau_shower_list IS
  'The list of the IAU Meteor Data Center, as last fetched, or as it ships with the service while none was fetched: a projection of the topic iau_shower. Its codes and names are those of iau_shower.';
COMMENT ON COLUMN iau_shower_list.status IS
  '1 established, 0 working list, negative removed; null: not told, as in the shipped list.';
COMMENT ON COLUMN iau_shower_list.source IS
  'Where this entry was read: the address it was fetched from, or ''shipped list of YYYY-MM''.';
