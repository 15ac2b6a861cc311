/**
 * Outlines of land and borders of countries for the map: Natural Earth's, from the npm package `world-atlas`
 * (https://github.com/topojson/world-atlas; Natural Earth is in the public domain).
 *
 * The package contains TopoJSON. The browser gets plain lines and needs no library to draw them.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { feature, mesh } from "topojson-client";

/** Names of the assets, and the package's file for each. Coarse for the world, finer for a region. */
export const WORLD_FILES: Readonly<Record<string, { file: string; decimals: number }>> = {
  "world-110m.json": { file: "world-atlas/countries-110m.json", decimals: 2 },
  "world-50m.json": { file: "world-atlas/countries-50m.json", decimals: 2 },
};

/**
 * Flat lists of longitude, latitude, longitude, …: degrees, east and north positive. A line that crosses 180 degrees continues
 * beyond it, and appears a second time on the other side.
 */
export interface Outlines {
  readonly land: number[][];
  readonly borders: number[][];
}

type Position = readonly number[];

/** The outlines as JSON. */
export function readOutlines(name: string): string {
  const { file, decimals } = WORLD_FILES[name]!;
  const topology = JSON.parse(
    readFileSync(createRequire(import.meta.url).resolve(file), "utf8"),
  );
  const land = feature(topology, topology.objects.land);
  const polygons: Position[][][] = ("features" in land ? land.features : [land])
    .flatMap(({ geometry }: { geometry: { type: string; coordinates: unknown } }) =>
      geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates
    );
  const borders = mesh(topology, topology.objects.countries, (a: unknown, b: unknown) => a !== b);
  const outlines: Outlines = {
    land: polygons.flat().flatMap((ring) => whole(closed(unwrapped(ring)))).map(flat),
    borders: ((borders?.coordinates ?? []) as Position[][]).flatMap((line) =>
      whole(unwrapped(line))
    ).map(
      flat,
    ),
  };
  return JSON.stringify(outlines);

  function flat(line: readonly Position[]): number[] {
    return line.flatMap(([lon, lat]) => [round(lon!, decimals), round(lat!, decimals)]);
  }
}

/** The line without jumps from 180 to -180: longitudes continue beyond. */
function unwrapped(line: readonly Position[]): Position[] {
  let turns = 0;
  let before = line[0]![0]!;
  return line.map(([lon, lat]) => {
    if (lon! - before > 180) turns--;
    else if (lon! - before < -180) turns++;
    before = lon!;
    return [lon! + turns * 360, lat!];
  });
}

/** A ring around the whole Earth (Antarctica's) closed through the pole. */
function closed(ring: Position[]): Position[] {
  const [first, last] = [ring[0]!, ring.at(-1)!];
  if (Math.abs(last[0]! - first[0]!) < 180) return ring;
  const pole = first[1]! < 0 ? -90 : 90;
  return [...ring, [last[0]!, pole], [first[0]!, pole]];
}

/** The line, and a copy on the other side of the map where it crosses the edge. */
function whole(line: Position[]): Position[][] {
  const lons = line.map(([lon]) => lon!);
  const shifted = (by: number) => line.map(([lon, lat]) => [lon! + by, lat!]);
  return [
    line,
    ...(Math.max(...lons) > 180 ? [shifted(-360)] : []),
    ...(Math.min(...lons) < -180 ? [shifted(360)] : []),
  ];
}

function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
