/** Reference frames (equatorial, ecliptic, of date) and places on the Earth (geodetic, Earth-fixed). */
import { cosDegrees, dot, sinDegrees, toDegrees, turnAboutZ, type Vector } from "./angles.ts";
import { centuriesSinceJ2000 } from "./time.ts";

/** Obliquity of the ecliptic at J2000, degrees. */
const OBLIQUITY = 23.4392911;

/** WGS84: equatorial radius in km, and first eccentricity squared. */
const EQUATORIAL_RADIUS_KM = 6378.137;
const ECCENTRICITY_SQUARED = 0.00669437999014;

const COS_OBLIQUITY = cosDegrees(OBLIQUITY);
const SIN_OBLIQUITY = sinDegrees(OBLIQUITY);

export const eclipticFromEquatorial = (a: Vector): Vector => [
  a[0],
  COS_OBLIQUITY * a[1] + SIN_OBLIQUITY * a[2],
  COS_OBLIQUITY * a[2] - SIN_OBLIQUITY * a[1],
];
export const equatorialFromEcliptic = (a: Vector): Vector => [
  a[0],
  COS_OBLIQUITY * a[1] - SIN_OBLIQUITY * a[2],
  COS_OBLIQUITY * a[2] + SIN_OBLIQUITY * a[1],
];

/** The three rows of a rotation matrix. */
export type Rotation = readonly [Vector, Vector, Vector];

/**
 * J2000 equatorial to the mean equator and equinox of a date (Lieske 1979, as in Meeus, chapter 21). A rotation is valid
 * for days around its date: precession is 0.14 seconds of arc a day.
 */
export function precessionTo(julianDate: number): Rotation {
  const t = centuriesSinceJ2000(julianDate);
  const zeta = t * (2306.2181 + t * (0.30188 + t * 0.017998)) / 3600;
  const z = t * (2306.2181 + t * (1.09468 + t * 0.018203)) / 3600;
  const theta = t * (2004.3109 - t * (0.42665 + t * 0.041833)) / 3600;
  const turned = (axis: Vector): Vector =>
    turnAboutZ(turnAboutY(turnAboutZ(axis, -zeta), theta), -z);
  const [x, y, w] = [turned([1, 0, 0]), turned([0, 1, 0]), turned([0, 0, 1])];
  return [[x[0], y[0], w[0]], [x[1], y[1], w[1]], [x[2], y[2], w[2]]];
}

/** A vector after a rotation. */
export const rotate = ([first, second, third]: Rotation, a: Vector): Vector => [
  dot(first, a),
  dot(second, a),
  dot(third, a),
];

function turnAboutY(a: Vector, degrees: number): Vector {
  const [cosine, sine] = [cosDegrees(degrees), sinDegrees(degrees)];
  return [cosine * a[0] - sine * a[2], a[1], sine * a[0] + cosine * a[2]];
}

/** A place: degrees north and east, km above the WGS84 ellipsoid. */
export interface Place {
  latitude: number;
  longitude: number;
  height_km: number;
}

/** Earth-fixed coordinates of a place, km. */
export function earthFixed({ latitude, longitude, height_km }: Place): Vector {
  const [sine, cosine] = [sinDegrees(latitude), cosDegrees(latitude)];
  const radius = EQUATORIAL_RADIUS_KM / Math.sqrt(1 - ECCENTRICITY_SQUARED * sine * sine);
  const flat = (radius + height_km) * cosine;
  return [
    flat * cosDegrees(longitude),
    flat * sinDegrees(longitude),
    (radius * (1 - ECCENTRICITY_SQUARED) + height_km) * sine,
  ];
}

/** The place of Earth-fixed coordinates in km (Bowring 1976; below a millimetre at meteor heights). Longitude in [-180, 180]. */
export function placeOf([x, y, z]: Vector): Place {
  const polarRadius = EQUATORIAL_RADIUS_KM * Math.sqrt(1 - ECCENTRICITY_SQUARED);
  const secondEccentricitySquared = ECCENTRICITY_SQUARED / (1 - ECCENTRICITY_SQUARED);
  const flat = Math.sqrt(x * x + y * y);
  const reduced = Math.atan2(z * EQUATORIAL_RADIUS_KM, flat * polarRadius);
  const latitude = Math.atan2(
    z + secondEccentricitySquared * polarRadius * Math.sin(reduced) ** 3,
    flat - ECCENTRICITY_SQUARED * EQUATORIAL_RADIUS_KM * Math.cos(reduced) ** 3,
  );
  const [sine, cosine] = [Math.sin(latitude), Math.cos(latitude)];
  const radius = EQUATORIAL_RADIUS_KM / Math.sqrt(1 - ECCENTRICITY_SQUARED * sine * sine);
  return {
    latitude: toDegrees(latitude),
    longitude: toDegrees(Math.atan2(y, x)),
    // The projection on the normal is exact near the poles; flat / cosine is not.
    height_km: flat * cosine + z * sine - radius * (1 - ECCENTRICITY_SQUARED * sine * sine),
  };
}

/** East, north and up at a place, Earth-fixed unit vectors. */
export function horizonAxes(latitude: number, longitude: number): [Vector, Vector, Vector] {
  const [sinLat, cosLat] = [sinDegrees(latitude), cosDegrees(latitude)];
  const [sinLon, cosLon] = [sinDegrees(longitude), cosDegrees(longitude)];
  return [
    [-sinLon, cosLon, 0],
    [-sinLat * cosLon, -sinLat * sinLon, cosLat],
    [cosLat * cosLon, cosLat * sinLon, sinLat],
  ];
}
