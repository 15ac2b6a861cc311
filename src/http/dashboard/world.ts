/**
 * Outlines of land and borders of countries for the map: Natural Earth's, from the npm package `world-atlas`
 * (https://github.com/topojson/world-atlas; Natural Earth is in the public domain).
 *
 * The package has TopoJSON; the browser gets plain lines, so it needs no library to draw them.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { feature, mesh } from "topojson-client";

/** Names of the assets, and the file of the package each is made from. Coarse for the world, finer for a region. */
export const WORLD_FILES: Readonly<Record<string, { file: string; decimals: number }>> = {
  "world-110m.json": { file: "world-atlas/countries-110m.json", decimals: 2 },
  "world-50m.json": { file: "world-atlas/countries-50m.json", decimals: 2 },
};

/** Flat lists of longitude, latitude, longitude, …: degrees, east and north positive. Rings are cut at 180 degrees. */
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
  const polygons: Position[][][] = (land.type === "FeatureCollection" ? land.features : [land])
    .flatMap(({ geometry }: { geometry: { type: string; coordinates: unknown } }) =>
      geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates
    );
  const borders = mesh(topology, topology.objects.countries, (a: unknown, b: unknown) => a !== b);
  const flat = (line: readonly Position[]) =>
    line.flatMap(([lon, lat]) => [round(lon!, decimals), round(lat!, decimals)]);
  const outlines: Outlines = {
    land: polygons.flat().map(flat),
    borders: (borders.coordinates as Position[][]).map(flat),
  };
  return JSON.stringify(outlines);
}

function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
