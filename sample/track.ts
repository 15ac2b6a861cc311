/** The luminous path of a meteor: its begin near a camera, its end, its brightness. */
import { sinDegrees, type Vector } from "./astronomy/angles.ts";
import { alongTrack, enter } from "./astronomy/entry.ts";
import type { Place } from "./astronomy/frames.ts";
import { heights, peakMagnitude } from "./light.ts";
import type { Random } from "./random.ts";
import type { Station } from "./stations.ts";

/** The luminous path. */
export interface Track {
  begin: Place;
  end: Place;
  length_km: number;
  magnitude: number;
}

/** Radiants lower than this give no trajectory, degrees. */
export const LOWEST_ELEVATION = 4;
/** Distance between a meteor's begin and its camera, km along the ground. */
const GROUND_DISTANCE_KM = { least: 30, most: 200 };
/** A typical height, close enough for choosing the track's real heights. */
const USUAL_HEIGHT_KM = 95;
/** The longest track that fits the cameras of a neighbourhood, km; the shortest time that gives six frames, seconds. */
const LONGEST_TRACK_KM = 130;
const SHORTEST_DURATION_S = 0.18;
const KM_PER_DEGREE = 111.2;

/**
 * A track near a station; undefined when it is too flat, too long or too short to be seen.
 *
 * @param radiant unit vector, equator and equinox of date
 * @param vGeo geocentric speed, km/s
 */
export function trackNear(
  station: Station,
  radiant: Vector,
  vGeo: number,
  julianDate: number,
  random: Random,
): Track | undefined {
  const { least, most } = GROUND_DISTANCE_KM;
  // Square root: uniform over the area of the camera's circle.
  const distance = least + (most - least) * Math.sqrt(random.uniform());
  const bearing = 2 * Math.PI * random.uniform();
  const latitude = station.latitude + distance * Math.cos(bearing) / KM_PER_DEGREE;
  const east = distance * Math.sin(bearing) / (KM_PER_DEGREE * Math.cos(latitude * Math.PI / 180));
  const longitude = (station.longitude + east + 540) % 360 - 180;
  const place = { latitude, longitude, height_km: USUAL_HEIGHT_KM };
  const { elevation, towards, vInit } = enter(radiant, vGeo, julianDate, place);
  if (elevation < LOWEST_ELEVATION) return undefined;

  const magnitude = peakMagnitude(vInit, random);
  const { begin: top, end: bottom } = heights(vInit, magnitude, elevation, random);
  const length_km = (top - bottom) / sinDegrees(elevation);
  if (length_km > LONGEST_TRACK_KM || length_km / vInit < SHORTEST_DURATION_S) return undefined;
  const begin = { latitude, longitude, height_km: top };
  return { begin, end: alongTrack(begin, towards, length_km), length_km, magnitude };
}
