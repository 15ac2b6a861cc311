/** One line of a summary file before it is written: in the writer's units and order of columns. */

/** The 34 quantities that come with an uncertainty, in file order. */
export const MEASURED = [
  "raGeo",
  "decGeo",
  "lamGeo",
  "betGeo",
  "vGeo",
  "lamHel",
  "betHel",
  "vHel",
  "a",
  "e",
  "i",
  "peri",
  "node",
  "pi",
  "b",
  "q",
  "f",
  "m",
  "aphelion",
  "n",
  "period",
  "tisserand",
  "raApp",
  "decApp",
  "azimuth",
  "elevation",
  "vInit",
  "vAvg",
  "latBegin",
  "lonBegin",
  "heightBegin",
  "latEnd",
  "lonEnd",
  "heightEnd",
] as const;

export type Measured = typeof MEASURED[number];

/**
 * One meteor as input of the writer. Degrees, km/s, AU, years, km above the ellipsoid. `NaN` is written `nan`, a sigma
 * or flag of `null` is written `None`.
 */
export interface SummaryRow {
  id: string;
  julianDate: number;
  /** Microseconds since 1970, UTC. */
  beginning_us: number;
  /** -1 for a sporadic meteor. */
  showerNumber: number;
  /** `...` for a sporadic meteor. */
  showerCode: string;
  solarLongitude: number;
  localSiderealTime: number;
  value: Record<Measured, number>;
  sigma: Record<Measured, number | null>;
  duration_s: number;
  peakMagnitude: number;
  peakHeight: number;
  fParameter: number;
  mass_kg: number;
  convergenceAngle: number;
  /** Seconds of arc. */
  medianFitError: number;
  beginInView: boolean | null;
  endInView: boolean | null;
  /** Sorted. */
  stations: readonly string[];
}
