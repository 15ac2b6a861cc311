/** Units of the schema's fields, by the endings of their names. */
import type { TrajectoryField } from "../trajectory/schema.ts";

/** Endings of field names and their units, the longer ones first. */
const BY_ENDING: readonly (readonly [ending: string, unit: string])[] = [
  ["_deg_day", "deg/day"],
  ["_km_s", "km/s"],
  ["_km", "km"],
  ["_deg", "deg"],
  ["_arcsec", "arcsec"],
  ["_au_", "AU"],
  ["_au", "AU"],
  ["_years", "years"],
  ["_sec", "s"],
  ["_absmag", "mag"],
  ["mass_kg_tau_0_7", "kg"],
  ["_julian_date", "days"],
];

/** The unit of a field (for a sigma, the unit of its field); null if it has none. */
export function unitOf({ name, sigmaOf }: TrajectoryField): string | null {
  const measured = sigmaOf ?? name;
  return BY_ENDING.find(([ending]) => measured.endsWith(ending))?.[1] ?? null;
}
