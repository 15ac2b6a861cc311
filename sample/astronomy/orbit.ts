/**
 * From the geocentric radiant and speed to the orbit around the Sun.
 *
 * The meteoroid's heliocentric velocity is the Earth's plus its own relative to the Earth. With the place where they
 * met, this is a state vector, which gives the orbital elements (Vallado, Fundamentals of Astrodynamics, section 2.5).
 * Everything is in the J2000 ecliptic frame.
 */
import {
  add,
  cosDegrees,
  cross,
  direction,
  dot,
  latitudeOf,
  longitudeOf,
  norm,
  scale,
  sinDegrees,
  toDegrees,
  turn,
  type Vector,
} from "./angles.ts";

/** The Sun's gravitational parameter, km^3/s^2, and the astronomical unit, km (IAU 2012). */
const SOLAR_GRAVITY = 1.32712440018e11;
const KM_PER_AU = 149_597_870.7;
/** The Earth's orbit: eccentricity, and longitude of perihelion in degrees of the J2000 ecliptic. */
const EARTH_ECCENTRICITY = 0.01670863;
const EARTH_PERIHELION = 102.937348;
/** Gauss's constant as a daily motion, degrees a day at 1 AU. */
const DAILY_MOTION_AT_1_AU = 0.9856076686;
/** Jupiter's semi-major axis in AU, as in the GMN's Tisserand parameters. */
const JUPITER_AXIS_AU = 5.204267;

/** The Earth on its orbit: km and km/s. */
export interface EarthState {
  position: Vector;
  velocity: Vector;
}

/** The Earth's position and velocity at this longitude of the Sun (J2000), degrees. */
export function earthAt(solarLongitude: number): EarthState {
  const longitude = solarLongitude + 180;
  const semiLatus = KM_PER_AU * (1 - EARTH_ECCENTRICITY ** 2);
  const distance = semiLatus /
    (1 + EARTH_ECCENTRICITY * cosDegrees(longitude - EARTH_PERIHELION));
  const speed = Math.sqrt(SOLAR_GRAVITY / semiLatus);
  return {
    position: scale(direction(longitude, 0), distance),
    velocity: [
      -speed * (sinDegrees(longitude) + EARTH_ECCENTRICITY * sinDegrees(EARTH_PERIHELION)),
      speed * (cosDegrees(longitude) + EARTH_ECCENTRICITY * cosDegrees(EARTH_PERIHELION)),
      0,
    ],
  };
}

/** The speed at which an orbit with this inverse semi-major axis (1/AU) passes the Earth, km/s. */
export function heliocentricSpeed(earth: EarthState, inverseAxis: number): number {
  return Math.sqrt(SOLAR_GRAVITY * (2 / norm(earth.position) - inverseAxis / KM_PER_AU));
}

/**
 * The geocentric speed for a radiant (ecliptic unit vector) and a heliocentric speed, km/s. NaN when no
 * orbit with that speed has that radiant.
 */
export function geocentricSpeed(earth: EarthState, radiant: Vector, heliocentric: number): number {
  const along = dot(earth.velocity, radiant);
  const square = dot(earth.velocity, earth.velocity);
  return along + Math.sqrt(along * along - square + heliocentric * heliocentric);
}

/** A meteoroid's orbit around the Sun. Angles in degrees, distances in AU. Hyperbolic: a and Q negative, M and T NaN. */
export interface Orbit {
  lamHel: number;
  betHel: number;
  /** km/s. */
  vHel: number;
  a: number;
  e: number;
  i: number;
  peri: number;
  node: number;
  pi: number;
  b: number;
  q: number;
  f: number;
  m: number;
  /** Aphelion distance, the file's `Q`. */
  aphelion: number;
  /** Mean motion, degrees a day. */
  n: number;
  /** Period, years. */
  period: number;
  tisserand: number;
}

/**
 * The orbit of a meteoroid that hits the Earth.
 *
 * @param earth the Earth at that moment
 * @param offset where on the Earth, ecliptic, km from its centre: it lifts the meeting point out of the ecliptic by
 *   up to 6,400 km, which turns the node of a flat orbit by tenths of a degree
 * @param radiant the direction it comes from, ecliptic unit vector
 * @param speed geocentric speed, km/s
 */
export function orbitOf(earth: EarthState, offset: Vector, radiant: Vector, speed: number): Orbit {
  const position = add(earth.position, offset);
  const velocity = add(earth.velocity, scale(radiant, -speed));
  const distance = norm(position);
  const speedSquared = dot(velocity, velocity);
  const momentum = cross(position, velocity);
  const axis = 1 / (2 / distance - speedSquared / SOLAR_GRAVITY);
  const towardsPerihelion = add(
    scale(position, speedSquared / SOLAR_GRAVITY - 1 / distance),
    scale(velocity, -dot(position, velocity) / SOLAR_GRAVITY),
  );
  const e = norm(towardsPerihelion);
  const towardsNode: Vector = [-momentum[1], momentum[0], 0];
  const node = longitudeOf(towardsNode);
  const i = toDegrees(Math.acos(momentum[2] / norm(momentum)));
  const peri = angleAlong(towardsNode, towardsPerihelion, momentum);
  const f = angleAlong(towardsPerihelion, position, momentum);
  const a = axis / KM_PER_AU;
  const n = DAILY_MOTION_AT_1_AU * Math.abs(a) ** -1.5;
  const bound = a > 0 && e < 1;
  const from = scale(velocity, -1);
  return {
    lamHel: longitudeOf(from),
    betHel: latitudeOf(from),
    vHel: Math.sqrt(speedSquared),
    a,
    e,
    i,
    peri,
    node,
    pi: turn(node + peri),
    b: toDegrees(Math.asin(sinDegrees(peri) * sinDegrees(i))),
    q: a * (1 - e),
    f,
    m: bound ? meanAnomaly(e, f) : NaN,
    aphelion: a * (1 + e),
    n,
    period: bound ? 360 / n / 365.25 : NaN,
    tisserand: JUPITER_AXIS_AU / a +
      2 * Math.sqrt(a / JUPITER_AXIS_AU * (1 - e * e)) * cosDegrees(i),
  };
}

/** The angle from one vector to another, counted counterclockwise around `pole`, degrees in [0, 360). */
function angleAlong(from: Vector, to: Vector, pole: Vector): number {
  return turn(toDegrees(Math.atan2(dot(cross(from, to), pole) / norm(pole), dot(from, to))));
}

/** Mean anomaly of a true anomaly on an ellipse, degrees. */
function meanAnomaly(e: number, f: number): number {
  const eccentric = Math.atan2(Math.sqrt(1 - e * e) * sinDegrees(f), e + cosDegrees(f));
  return turn(toDegrees(eccentric - e * Math.sin(eccentric)));
}
