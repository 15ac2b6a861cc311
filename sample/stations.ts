/**
 * Fictional camera stations in real places.
 *
 * Codes are well-formed (country, then four characters) and begin their number with S for sample, which no real station
 * does, so that no real camera is credited with these meteors. Cameras of a place are spread over some tens of
 * kilometres, because a trajectory needs two cameras in different directions.
 */
import { angleBetween, direction, type Vector } from "./astronomy/angles.ts";
import { earthFixed } from "./astronomy/frames.ts";
import { createRandom } from "./random.ts";

/** A camera. Degrees north and east. */
export interface Station {
  code: string;
  latitude: number;
  longitude: number;
  /** Earth-fixed, km. */
  position: Vector;
}

/** Country, latitude, longitude, spread in degrees, cameras. */
type Cluster = readonly [string, number, number, number, number];

const CLUSTERS: readonly Cluster[] = [
  ["UK", 51.5, -0.6, 0.6, 8],
  ["UK", 51.4, -2.6, 0.5, 6],
  ["UK", 53.4, -2.2, 0.6, 7],
  ["UK", 52.6, 1.0, 0.5, 4],
  ["UK", 55.8, -4.0, 0.5, 4],
  ["IE", 53.2, -6.9, 0.6, 3],
  ["BE", 50.8, 4.6, 0.5, 6],
  ["NL", 52.2, 5.3, 0.5, 5],
  ["FR", 48.7, 2.3, 0.6, 4],
  ["FR", 43.7, 1.6, 0.6, 3],
  ["DE", 51.3, 9.6, 0.7, 5],
  ["DE", 48.2, 11.4, 0.6, 5],
  ["CZ", 49.4, 16.2, 0.6, 4],
  ["HR", 45.7, 16.0, 0.6, 7],
  ["HR", 45.2, 14.1, 0.4, 4],
  ["SI", 46.1, 14.8, 0.4, 3],
  ["IT", 45.2, 10.4, 0.6, 4],
  ["ES", 40.4, -3.7, 0.6, 4],
  ["PL", 51.6, 19.4, 0.7, 3],
  ["RU", 44.1, 42.6, 0.6, 3],
  ["IL", 31.2, 35.0, 0.5, 3],
  ["US", 32.3, -110.9, 0.6, 7],
  ["US", 35.2, -106.5, 0.7, 7],
  ["US", 28.4, -81.4, 0.5, 3],
  ["US", 39.2, -77.0, 0.6, 4],
  ["US", 37.2, -121.8, 0.5, 4],
  ["CA", 43.1, -81.2, 0.6, 5],
  ["CA", 51.2, -114.0, 0.6, 3],
  ["MX", 20.7, -103.2, 0.6, 2],
  ["BR", -22.9, -46.8, 0.7, 5],
  ["BR", -29.7, -51.1, 0.6, 3],
  ["ZA", -32.8, 20.6, 0.7, 3],
  ["AU", -32.0, 116.2, 0.6, 6],
  ["AU", -37.5, 145.0, 0.6, 4],
  ["NZ", -43.5, 172.1, 0.6, 5],
  ["NZ", -37.2, 175.1, 0.6, 4],
  ["KR", 37.2, 127.5, 0.5, 5],
  ["JP", 35.6, 138.6, 0.6, 3],
];

/** Largest distance between two cameras that see the same meteor, degrees along the ground (about 550 km). */
const NEIGHBOUR_DEGREES = 5;
const CODE_DIGITS = 3;

/** All cameras. The same on every call: their places do not depend on the seed of the meteors. */
export const STATIONS: readonly Station[] = placeStations();

const NEIGHBOURS = new Map(STATIONS.map((station) => [
  station,
  STATIONS.filter((other) => {
    const here = direction(station.longitude, station.latitude);
    return other !== station &&
      angleBetween(here, direction(other.longitude, other.latitude)) < NEIGHBOUR_DEGREES;
  }),
]));

/** The other cameras that can see the same meteor. */
export const neighboursOf = (station: Station): readonly Station[] => NEIGHBOURS.get(station) ?? [];

function placeStations(): Station[] {
  const random = createRandom("stations");
  const perCountry = new Map<string, number>();
  return CLUSTERS.flatMap(([country, latitude, longitude, spread, cameras]) =>
    Array.from({ length: cameras }, () => {
      const number = (perCountry.get(country) ?? 0) + 1;
      perCountry.set(country, number);
      const place = {
        latitude: latitude + spread * random.between(-1, 1),
        longitude: longitude + spread * random.between(-1, 1) / Math.cos(latitude * Math.PI / 180),
        height_km: random.between(0, 0.4),
      };
      const digits = number.toString(36).toUpperCase().padStart(CODE_DIGITS, "0");
      return { code: `${country}S${digits}`, ...place, position: earthFixed(place) };
    })
  );
}
