/**
 * From the geocentric radiant to what cameras see: the Earth's gravity bends and speeds up the path, the Earth's rotation
 * adds its own motion, and the path descends through the air above one place.
 */
import {
  add,
  cross,
  direction,
  dot,
  latitudeOf,
  longitudeOf,
  norm,
  scale,
  toDegrees,
  turn,
  turnAboutZ,
  unit,
  type Vector,
} from "./angles.ts";
import { earthFixed, horizonAxes, type Place, placeOf } from "./frames.ts";
import { siderealTime } from "./time.ts";

/** The Earth's gravitational parameter, km^3/s^2, and its rotation, radians per second. */
const EARTH_GRAVITY = 398_600.4418;
const EARTH_ROTATION = 7.2921159e-5;

/** A meteor as seen from the rotating Earth. Degrees, km/s. */
export interface Entry {
  /** Towards the radiant, Earth-fixed. */
  towards: Vector;
  /** Of date. */
  raApp: number;
  decApp: number;
  /** East of north. */
  azimuth: number;
  elevation: number;
  vInit: number;
  /** Local sidereal time at the place. */
  localSiderealTime: number;
}

/**
 * A geocentric radiant as seen from the place where the meteor begins.
 *
 * Zenith attraction after Schiaparelli: with k = (v - vg) / (v + vg), the apparent zenith distance z' and the true one
 * z obey tan((z - z') / 2) = k tan(z' / 2), a quadratic in tan(z' / 2).
 *
 * @param radiant unit vector, equator and equinox of date
 * @param speed geocentric speed vg, km/s
 */
export function enter(radiant: Vector, speed: number, julianDate: number, begin: Place): Entry {
  const sidereal = siderealTime(julianDate);
  const unbent = turnAboutZ(radiant, sidereal);
  const position = earthFixed(begin);
  const zenith = unit(position);
  const speedInside = Math.sqrt(speed * speed + 2 * EARTH_GRAVITY / norm(position));

  const cosine = dot(unbent, zenith);
  const level = add(unbent, scale(zenith, -cosine));
  const sine = norm(level);
  const k = (speedInside - speed) / (speedInside + speed);
  // tan(z / 2) without the loss of digits near the zenith.
  const halfTangent = sine / (1 + cosine);
  const apparentHalf = 2 * halfTangent /
    (1 + k + Math.sqrt((1 + k) ** 2 + 4 * k * halfTangent * halfTangent));
  const apparent = 2 * Math.atan(apparentHalf);
  const bent = add(
    scale(zenith, Math.cos(apparent)),
    scale(level, sine > 0 ? Math.sin(apparent) / sine : 0),
  );

  // The velocity relative to the ground is the inertial velocity minus the ground's.
  const spin = cross([0, 0, EARTH_ROTATION], position);
  const velocity = add(scale(bent, -speedInside), scale(spin, -1));
  const vInit = norm(velocity);
  const towards = scale(velocity, -1 / vInit);
  const [east, north, up] = horizonAxes(begin.latitude, begin.longitude);
  return {
    towards,
    raApp: turn(longitudeOf(towards) + sidereal),
    decApp: latitudeOf(towards),
    azimuth: turn(toDegrees(Math.atan2(dot(towards, east), dot(towards, north)))),
    elevation: toDegrees(Math.asin(dot(towards, up))),
    vInit,
    localSiderealTime: turn(sidereal + begin.longitude),
  };
}

/** Where a straight path from `begin`, away from the radiant, is after `length_km`. */
export function alongTrack(begin: Place, towards: Vector, length_km: number): Place {
  return placeOf(add(earthFixed(begin), scale(towards, -length_km)));
}

/** The zenith (equator of date) of a place. Its dot product with another direction is the sine of that one's elevation. */
export const zenithOf = (latitude: number, longitude: number, sidereal: number): Vector =>
  direction(longitude + sidereal, latitude);
