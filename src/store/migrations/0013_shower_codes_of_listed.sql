-- Which codes the data has had was not kept of showers that were on the IAU's list before the data had them. What the meteors have now
-- is what is known of it; the next one with another code adds it.

UPDATE iau_shower AS s SET codes = (
  SELECT array_agg(DISTINCT code ORDER BY code) FROM unnest(s.codes || had.codes) AS u (code)
)
FROM (
  SELECT iau_shower_id, array_agg(DISTINCT iau_code) AS codes FROM meteor WHERE iau_code IS NOT NULL GROUP BY iau_shower_id
) AS had
WHERE s.number = had.iau_shower_id AND NOT had.codes <@ s.codes
  AND EXISTS (SELECT FROM iau_shower_list AS l WHERE l.number = s.number);
