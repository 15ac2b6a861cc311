/**
 * The cameras that see a meteor, and how different their directions are.
 *
 * Whether a neighbouring camera sees a meteor depends on distance, brightness and chance (where it
 * points, clouds). At least two must see it, or there is no trajectory.
 */
import { add, angleBetween, cross, type Vector } from "./astronomy/angles.ts";
import { earthFixed, type Place } from "./astronomy/frames.ts";
import type { Random } from "./random.ts";
import { neighboursOf, type Station } from "./stations.ts";

/** The observation of a track. */
export interface Sighting {
  /** Codes, sorted. */
  stations: string[];
  /** The largest angle between the planes in which two stations see the track, degrees: the file's Qc. */
  convergenceAngle: number;
}

/** The most stations in one row of the published files that were examined. */
const MOST_STATIONS = 13;
/** The real writer leaves out rows below this convergence angle. */
const SMALLEST_CONVERGENCE_DEGREES = 5;
/** Camera fields end about here. */
const FARTHEST_KM = 420;

/** The observers of a track, besides the station that always sees it; undefined when too few see it. */
export function sight(
  station: Station,
  begin: Place,
  end: Place,
  magnitude: number,
  random: Random,
): Sighting | undefined {
  const from = earthFixed(begin);
  const to = earthFixed(end);
  const seen: Station[] = [station];
  const luck = Math.min(0.75, 0.1 * Math.exp(-0.35 * (magnitude - 1)));
  let other: Station | undefined;
  let others = 0;
  for (const neighbour of neighboursOf(station)) {
    const distance = distanceBetween(neighbour.position, from);
    if (distance > FARTHEST_KM) continue;
    others++;
    // One of them at random, in case chance selects none.
    if (random.uniform() * others < 1) other = neighbour;
    if (random.uniform() < luck * Math.exp(-((distance / 260) ** 2))) seen.push(neighbour);
    if (seen.length === MOST_STATIONS) break;
  }
  if (seen.length === 1 && other !== undefined) seen.push(other);
  if (seen.length < 2) return undefined;
  const convergenceAngle = convergence(seen, from, to);
  if (convergenceAngle < SMALLEST_CONVERGENCE_DEGREES) return undefined;
  return { stations: seen.map((station) => station.code).sort(), convergenceAngle };
}

function distanceBetween(a: Vector, b: Vector): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function convergence(stations: readonly Station[], from: Vector, to: Vector): number {
  const planes = stations.map(({ position }) => {
    const back: Vector = [-position[0], -position[1], -position[2]];
    return cross(add(from, back), add(to, back));
  });
  let largest = 0;
  planes.forEach((plane, at) => {
    for (const other of planes.slice(at + 1)) {
      const angle = angleBetween(plane, other);
      largest = Math.max(largest, Math.min(angle, 180 - angle));
    }
  });
  return largest;
}
