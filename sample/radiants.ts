/** The radiant of a window's next meteor: from a shower or the sporadic background, each with its own scatter. */
import { direction, halfTurn, latitudeOf, longitudeOf, type Vector } from "./astronomy/angles.ts";
import { eclipticFromEquatorial } from "./astronomy/frames.ts";
import { type EarthState, geocentricSpeed, heliocentricSpeed } from "./astronomy/orbit.ts";
import type { Random } from "./random.ts";
import { type Shower, SHOWERS, SPORADIC_SOURCES, type SporadicSource } from "./showers.ts";

/** An approaching meteoroid: ecliptic (J2000) unit vector to its radiant, speed in km/s. */
export interface Arrival {
  shower: Shower | undefined;
  radiant: Vector;
  vGeo: number;
}

/** The meteoroids that arrive in one window. */
export interface Influx {
  /** Relative number of meteors; 1 is the mean sporadic background. */
  rate: number;
  /** The next arrival; undefined when the draw gives an impossible orbit. */
  next(random: Random, earth: EarthState, solarLongitude: number): Arrival | undefined;
}

/** A shower whose activity is below this share of the background is left out of a window. */
const SMALLEST_ACTIVITY = 0.002;
/** Standard deviation of speeds within a shower. */
const SHOWER_SPEED_SCATTER = 0.012;
/** Slower meteoroids make no light; orbits with inverse axes (1/AU) beyond these are unbound or inside the Earth's orbit. */
const SLOWEST_KM_S = 7;
const INVERSE_AXIS_RANGE = [0.003, 1.4] as const;
/** Most cameras are in the north, and see a third more sporadic meteors in autumn than in spring. */
const SEASON = { amplitude: 0.2, peak: 200 };

/** Showers with radiants in Sun-centred ecliptic coordinates, in which they hardly move. */
const RADIANTS = SHOWERS.map((shower) => {
  const ecliptic = eclipticFromEquatorial(direction(shower.ra, shower.dec));
  return { shower, longitude: longitudeOf(ecliptic) - shower.peak, latitude: latitudeOf(ecliptic) };
});

/** The influx at about this longitude of the Sun, degrees. */
export function influxAt(solarLongitude: number): Influx {
  const season = 1 +
    SEASON.amplitude * Math.cos((solarLongitude - SEASON.peak) * Math.PI / 180);
  const sources: { weight: number; draw: Draw }[] = SPORADIC_SOURCES.map((source) => ({
    weight: source.weight * season,
    draw: (random, earth, sun) => sporadic(source, random, earth, sun),
  }));
  for (const radiant of RADIANTS) {
    const away = Math.abs(halfTurn(solarLongitude - radiant.shower.peak)) / radiant.shower.width;
    const weight = radiant.shower.weight * Math.exp(-away);
    if (weight > SMALLEST_ACTIVITY) {
      sources.push({ weight, draw: (random, _earth, sun) => member(radiant, random, sun) });
    }
  }
  const rate = sources.reduce((sum, { weight }) => sum + weight, 0);
  return {
    rate,
    next(random, earth, sun) {
      let left = random.uniform() * rate;
      for (const { weight, draw } of sources) {
        left -= weight;
        if (left < 0) return draw(random, earth, sun);
      }
      return undefined;
    },
  };
}

type Draw = (random: Random, earth: EarthState, solarLongitude: number) => Arrival | undefined;

function member(
  { shower, longitude, latitude }: typeof RADIANTS[number],
  random: Random,
  sun: number,
): Arrival {
  const near = latitude + shower.scatter * random.normal();
  const aside = shower.scatter * random.normal() / Math.cos(near * Math.PI / 180);
  return {
    shower,
    radiant: direction(longitude + sun + aside, near),
    vGeo: shower.vGeo * (1 + SHOWER_SPEED_SCATTER * random.normal()),
  };
}

function sporadic(
  source: SporadicSource,
  random: Random,
  earth: EarthState,
  sun: number,
): Arrival | undefined {
  const inverseAxis = source.inverseAxis + source.inverseAxisScatter * random.normal();
  const latitude = source.latitude + source.latitudeScatter * random.normal();
  const longitude = source.longitude + source.longitudeScatter * random.normal();
  if (inverseAxis < INVERSE_AXIS_RANGE[0] || inverseAxis > INVERSE_AXIS_RANGE[1]) return undefined;
  if (Math.abs(latitude) > 89) return undefined;
  const radiant = direction(longitude + sun, latitude);
  const vGeo = geocentricSpeed(earth, radiant, heliocentricSpeed(earth, inverseAxis));
  return vGeo > SLOWEST_KM_S ? { shower: undefined, radiant, vGeo } : undefined;
}
