-- All codes that a shower's number came with, so that its code can be told from the meteors at hand, whatever the order in which
-- they came (src/store/showers.ts).

ALTER TABLE iau_shower ADD COLUMN codes text[] COLLATE "C" NOT NULL DEFAULT '{}';
UPDATE iau_shower SET codes = ARRAY[code] WHERE code IS NOT NULL;
COMMENT ON COLUMN iau_shower.codes IS
  'All codes that the data has had for this number, in order: more than one when the GMN used a provisional number again.';
