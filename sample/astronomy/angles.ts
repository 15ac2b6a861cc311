/** Angles in degrees and vectors of three numbers, the basic types of the astronomy here. */

const RADIANS_PER_DEGREE = Math.PI / 180;

/** A vector: equatorial, ecliptic or Earth-fixed, as its name says. */
export type Vector = readonly [number, number, number];

export const sinDegrees = (degrees: number): number => Math.sin(degrees * RADIANS_PER_DEGREE);
export const cosDegrees = (degrees: number): number => Math.cos(degrees * RADIANS_PER_DEGREE);
export const toDegrees = (radians: number): number => radians / RADIANS_PER_DEGREE;
export const toRadians = (degrees: number): number => degrees * RADIANS_PER_DEGREE;

/** The same angle in [0, 360). */
export function turn(degrees: number): number {
  const rest = degrees % 360;
  // A tiny negative remainder plus 360 rounds to 360 itself.
  return rest < 0 ? (rest + 360) % 360 : rest;
}

/** The same angle in [-180, 180). */
export const halfTurn = (degrees: number): number => turn(degrees + 180) - 180;

export const add = (a: Vector, b: Vector): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const scale = (a: Vector, by: number): Vector => [a[0] * by, a[1] * by, a[2] * by];
export const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export const norm = (a: Vector): number => Math.sqrt(dot(a, a));
export const unit = (a: Vector): Vector => scale(a, 1 / norm(a));

/** The unit vector at a longitude (or right ascension, or hour angle) and latitude (or declination), degrees. */
export function direction(longitude: number, latitude: number): Vector {
  const flat = cosDegrees(latitude);
  return [flat * cosDegrees(longitude), flat * sinDegrees(longitude), sinDegrees(latitude)];
}

/** Longitude in [0, 360) of a vector, degrees. */
export const longitudeOf = (a: Vector): number => turn(toDegrees(Math.atan2(a[1], a[0])));

/** Latitude of a vector, degrees. */
export const latitudeOf = (a: Vector): number =>
  toDegrees(Math.atan2(a[2], Math.sqrt(a[0] * a[0] + a[1] * a[1])));

/** A vector in axes that are rotated by `degrees` about the third axis. */
export function turnAboutZ(a: Vector, degrees: number): Vector {
  const [cosine, sine] = [cosDegrees(degrees), sinDegrees(degrees)];
  return [cosine * a[0] + sine * a[1], cosine * a[1] - sine * a[0], a[2]];
}

/** The angle between two vectors, degrees, exact for small angles too. */
export const angleBetween = (a: Vector, b: Vector): number =>
  toDegrees(Math.atan2(norm(cross(a, b)), dot(a, b)));
