/**
 * How a meteor's row changes from one generation of the files to the next, as in the real data directory:
 *
 *     not there ──solved──▶ sigmas `None` ──Monte Carlo──▶ sigmas ──late station──▶ one station more
 *
 * The identifier stays the same. All of this takes about a week, during which the source still rewrites the file, so the
 * last generation of a file has final rows.
 */
import type { Meteor } from "./meteor.ts";
import { MEASURED, type Measured, type SummaryRow } from "./summary_row.ts";

const UNREFINED = Object.fromEntries(MEASURED.map((name) => [name, null])) as Record<
  Measured,
  null
>;

/** The row in a file generated at this time (Julian date); undefined when the meteor is not solved yet. */
export function rowAt(
  { row, solvedAt, refinedAt, late }: Meteor,
  then: number,
): SummaryRow | undefined {
  if (then < solvedAt) return undefined;
  const sigma = then < refinedAt ? UNREFINED : row.sigma;
  const missing = late !== undefined && then < late.at ? late.station : undefined;
  if (sigma === row.sigma && missing === undefined) return row;
  return { ...row, sigma, stations: row.stations.filter((code) => code !== missing) };
}
