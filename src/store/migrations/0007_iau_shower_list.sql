-- The IAU Meteor Data Center's list of showers, and what is known of fetching it.

CREATE TABLE iau_shower_list (
  number integer PRIMARY KEY,
  code text COLLATE "C" NOT NULL,
  name text NOT NULL,
  status integer,
  source text NOT NULL
);
COMMENT ON TABLE iau_shower_list IS
  'The list of the IAU Meteor Data Center, as last fetched: a projection of the topic iau_shower. Its codes and names are those of iau_shower.';
COMMENT ON COLUMN iau_shower_list.status IS '1 established, 0 working list, negative removed; null: not told.';
COMMENT ON COLUMN iau_shower_list.source IS 'Where this entry was read.';

COMMENT ON TABLE iau_shower IS
  'Meteor showers: those of the IAU Meteor Data Center''s list, and those that only the data has (provisional ones of the GMN).';
COMMENT ON COLUMN iau_shower.code IS
  'Code of the list; of a shower that is not on it, that of the latest meteor (by its time) with this number. A meteor''s own code is meteor.iau_code.';
COMMENT ON COLUMN iau_shower.name IS 'Name in the list; null for showers that are not on it.';

-- No projection: a rebuild leaves it alone.
CREATE TABLE shower_list_fetch (
  url text PRIMARY KEY,
  fetched_at timestamptz NOT NULL,
  showers integer NOT NULL
);
COMMENT ON TABLE shower_list_fetch IS 'When each shower list was last fetched, and how many showers it had.';
