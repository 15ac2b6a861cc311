/**
 * Meteor showers and sporadic sources: their radiants, speeds and times.
 *
 * Radiants, speeds and peaks are rounded from the IAU Meteor Data Center's list (https://www.ta3.sk/IAUC22DB/MDC2022/),
 * from Jenniskens et al. 2016 (Icarus 266, 331) and from the Global Meteor Network's own shower table; they are accurate to
 * about a degree, for plots and tests, not for science. Weights are estimates of how many orbits a camera network
 * gets at the peak, relative to the sporadic background of a night (1).
 *
 * A shower's radiant moves about a degree a day because the Earth turns around the Sun; in Sun-centred ecliptic
 * coordinates (ecliptic longitude minus solar longitude) it hardly moves. So the radiant is stored there, and the
 * daily drift in right ascension and declination follows from it.
 */

/** A shower of the sample. Degrees (J2000), km/s. */
export interface Shower {
  number: number;
  code: string;
  name: string;
  /** Solar longitude of the peak. */
  peak: number;
  /** Degrees of solar longitude in which activity falls to 1/e of the peak. */
  width: number;
  /** Geocentric radiant at the peak. */
  ra: number;
  dec: number;
  /** Standard deviation of radiants, degrees. */
  scatter: number;
  vGeo: number;
  /** Meteors at the peak; the whole sporadic background is 1. */
  weight: number;
}

type ShowerLine = readonly [
  number,
  string,
  string,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/** In the order of the year, from the spring equinox on. */
const LINES: readonly ShowerLine[] = [
  // number, code, name, peak, width, ra, dec, scatter, vgeo, weight
  [6, "LYR", "April Lyrids", 32.3, 1.6, 272.0, 33.4, 1.0, 46.4, 0.35],
  [31, "ETA", "eta Aquariids", 46.2, 6, 338.1, -0.8, 1.3, 65.5, 0.6],
  [171, "ARI", "Daytime Arietids", 77.5, 7, 44.0, 24.5, 2.0, 40.6, 0.3],
  [164, "NZC", "Northern June Aquilids", 101, 9, 310.0, -4.5, 2.0, 38.2, 0.06],
  [175, "JPE", "July Pegasids", 108, 5, 347.2, 11.1, 1.4, 63.5, 0.05],
  [184, "GDR", "July gamma Draconids", 125.2, 1.2, 280.1, 50.8, 1.0, 27.3, 0.06],
  [1, "CAP", "alpha Capricornids", 127, 7, 306.5, -9.2, 2.2, 22.4, 0.2],
  [5, "SDA", "Southern delta Aquariids", 127.5, 6, 340.2, -16.3, 1.4, 40.9, 0.5],
  [7, "PER", "Perseids", 140, 4, 48.2, 58.1, 1.3, 58.8, 1.6],
  [12, "KCG", "kappa Cygnids", 141, 7, 277.5, 52.1, 3.5, 21.0, 0.06],
  [206, "AUR", "Aurigids", 158.6, 1.2, 91.0, 39.0, 1.0, 65.6, 0.08],
  [208, "SPE", "September epsilon Perseids", 167.2, 3, 47.6, 39.5, 1.2, 64.6, 0.12],
  [9, "DRA", "October Draconids", 195.4, 0.4, 263.1, 55.7, 1.2, 20.7, 0.3],
  [333, "OCU", "October Ursae Majorids", 202.0, 1.0, 144.9, 64.6, 1.0, 55.4, 0.05],
  [23, "EGE", "epsilon Geminids", 206, 5, 101.6, 27.5, 1.8, 68.6, 0.08],
  [8, "ORI", "Orionids", 208.5, 5, 95.7, 15.7, 1.3, 66.1, 0.9],
  [22, "LMI", "Leonis Minorids", 209.5, 3.5, 160.5, 36.8, 1.0, 61.4, 0.05],
  [2, "STA", "Southern Taurids", 216, 14, 47.9, 12.8, 2.6, 26.6, 0.2],
  [17, "NTA", "Northern Taurids", 221, 13, 49.5, 20.8, 2.4, 27.8, 0.16],
  [13, "LEO", "Leonids", 235.7, 4, 154.2, 21.6, 1.1, 70.0, 0.35],
  [246, "AMO", "alpha Monocerotids", 239.3, 0.5, 117.0, 0.8, 0.9, 62.0, 0.1],
  [250, "NOO", "November Orionids", 247, 5, 90.8, 15.3, 1.5, 42.5, 0.25],
  [257, "ORS", "Southern chi Orionids", 248, 9, 74.5, 16.5, 2.6, 27.6, 0.12],
  [336, "DKD", "December kappa Draconids", 251.2, 2.2, 187.0, 70.2, 1.6, 43.6, 0.12],
  [339, "PSU", "psi Ursae Majorids", 253, 2.2, 169.0, 43.8, 1.1, 61.2, 0.06],
  [16, "HYD", "sigma Hydrids", 254, 7, 123.2, 3.0, 1.8, 58.8, 0.3],
  [335, "XVI", "December chi Virginids", 257, 4, 187.5, -8.2, 1.4, 67.8, 0.04],
  [19, "MON", "December Monocerotids", 260.9, 4, 101.8, 8.1, 1.1, 41.4, 0.12],
  [4, "GEM", "Geminids", 262.1, 2.6, 113.4, 32.3, 1.0, 34.0, 2.5],
  [20, "COM", "Comae Berenicids", 268, 9, 161.5, 30.5, 1.6, 63.1, 0.2],
  [15, "URS", "Ursids", 270.6, 1.0, 219.6, 75.4, 1.4, 33.0, 0.2],
  [10, "QUA", "Quadrantids", 283.2, 0.8, 230.2, 49.5, 1.5, 40.7, 1.8],
  [110, "AAN", "alpha Antliids", 313, 5, 161.5, -12.2, 1.6, 44.3, 0.06],
  [102, "ACE", "alpha Centaurids", 319.4, 3, 210.9, -58.2, 1.4, 58.0, 0.06],
  [571, "TSB", "26 Bootids", 344.5, 4, 217.2, 23.9, 1.6, 49.6, 0.06],
  [859, "MTB", "March 12 Bootids", 344.8, 4, 211.1, 25.5, 1.5, 44.2, 0.05],
  [346, "XHE", "x Herculids", 350, 7, 254.8, 48.6, 2.2, 36.0, 0.07],
  [11, "EVI", "eta Virginids", 355, 8, 184.5, 3.9, 2.2, 26.8, 0.1],
  // Provisional showers: the numbers and codes are from real files, the radiants are made up.
  [9013, "M25P1", "provisional, August 2025", 133.5, 1.5, 32.0, 8.0, 1.2, 62.0, 0.05],
  [9014, "M25S1", "provisional, September 2025", 179.0, 1.5, 61.0, -6.0, 1.2, 64.5, 0.05],
  [9015, "M25S2", "provisional, September 2025", 183.0, 1.5, 8.0, 22.0, 1.4, 31.0, 0.05],
  [9001, "M24U1", "provisional, October 2024", 214.5, 30, 128.0, -3.0, 1.5, 66.5, 0.04],
];

/** The showers. */
export const SHOWERS: readonly Shower[] = LINES.map(
  ([number, code, name, peak, width, ra, dec, scatter, vGeo, weight]) => (
    { number, code, name, peak, width, ra, dec, scatter, vGeo, weight }
  ),
);

/**
 * A region of the sky from which sporadic meteors come, in Sun-centred ecliptic coordinates (270 is where the Earth
 * is heading, 0 is the Sun). After Campbell-Brown 2008 (Icarus 196, 144) and Jones and Brown 1993 (MNRAS 265, 524);
 * weights are for cameras at night. Speeds follow from the orbits' inverse semi-major axes (1/AU).
 */
export interface SporadicSource {
  name: string;
  longitude: number;
  latitude: number;
  longitudeScatter: number;
  latitudeScatter: number;
  inverseAxis: number;
  inverseAxisScatter: number;
  weight: number;
}

type SourceLine = readonly [string, number, number, number, number, number, number, number];

const SOURCES: readonly SourceLine[] = [
  // name, longitude, latitude, their scatter, 1/a, its scatter, weight
  ["antihelion", 198, 0, 13, 8, 0.4, 0.16, 0.26],
  ["helion", 342, 1, 13, 8, 0.4, 0.16, 0.04],
  ["north apex", 271, 19, 18, 9, 0.15, 0.2, 0.27],
  ["south apex", 271, -11, 18, 8, 0.15, 0.2, 0.14],
  ["north toroidal", 271, 58, 16, 8, 0.36, 0.22, 0.14],
  ["south toroidal", 274, -60, 14, 8, 0.42, 0.22, 0.06],
  // Slow meteors of asteroidal and Jupiter-family orbits come from everywhere outside the apex.
  ["slow", 150, 15, 55, 35, 0.48, 0.15, 0.12],
];

/** The sporadic background; the weights add up to about 1. */
export const SPORADIC_SOURCES: readonly SporadicSource[] = SOURCES.map(
  ([
    name,
    longitude,
    latitude,
    longitudeScatter,
    latitudeScatter,
    inverseAxis,
    inverseAxisScatter,
    weight,
  ]) => ({
    name,
    longitude,
    latitude,
    longitudeScatter,
    latitudeScatter,
    inverseAxis,
    inverseAxisScatter,
    weight,
  }),
);
