/** The files of the source as text: every line follows from the row's id and version, so the same seed gives the same bytes. */
import { createRandom } from "../../sample/random.ts";
import { headerLines, row, withLineEnds } from "../support/summary_file.ts";
import type { Window } from "./source.ts";

const STATIONS = ["HR0002", "HR000D", "SI0001", "UK000H", "US0002", "DE000J", "BE000G", "NZ0003"];
const SHOWERS = [["7", "PER"], ["4", "GEM"], ["16", "HYD"], ["-1", "..."]] as const;

/** The whole text of a window's file. */
export function textOf(window: Window): string {
  const stamp = new Date(window.stamp_ms).toISOString().replace("T", " ").replace("Z", "000");
  const good = [...window.rows].map(([id, version]) => lineOf(id, version));
  const bad = Array.from({ length: window.badLines }, (_, at) => badLine(window, at));
  const order = createRandom(window.stamp_ms, window.path);
  const lines = good.sort();
  for (const line of bad) lines.splice(order.below(lines.length + 1), 0, line);
  return withLineEnds(
    [`# Summary generated on ${stamp}+00:00 UTC`, ...headerLines(), ...lines],
    "lfcr",
  );
}

/** Where to cut this text so that it ends in the middle of a data line. */
export function cutPosition(text: string, part: number): number {
  const lines = [...text.matchAll(/\d{14}_[^;\n]+;[^\n]+/g)];
  const line = lines[Math.min(lines.length - 1, Math.floor(part * lines.length))]!;
  return line.index + Math.floor(line[0].length / 2);
}

function lineOf(id: string, version: number): string {
  const random = createRandom(id, version);
  const [iauNo, iauCode] = random.pick(SHOWERS);
  const stations = STATIONS.filter(() => random.uniform() < 0.4);
  if (stations.length < 2) stations.push(...["CA0001", "CA0002"]);
  return row({
    id,
    time: timeOf(id, random.below(1_000_000)),
    iauNo: iauNo.padStart(5),
    iauCode: iauCode.padStart(5),
    solLon: random.between(0, 360).toFixed(6).padStart(10),
    raGeo: random.between(0, 360).toFixed(5).padStart(9),
    q: random.between(0, 1).toFixed(6).padStart(10),
    numStat: String(stations.length).padStart(4),
    stations: stations.join(","),
  });
}

function timeOf(id: string, micros: number): string {
  const [year, month, day, hour, minute, second] = id.match(/^(....)(..)(..)(..)(..)(..)/)!.slice(
    1,
  );
  return `${year}-${month}-${day} ${hour}:${minute}:${second}.${String(micros).padStart(6, "0")}`;
}

/** With an id that no row has. */
function badLine({ path, stamp_ms }: Window, at: number): string {
  const [day] = /\d{8}/.exec(path)!;
  return row({ id: `${day}000000_bad${at}x`, raGeo: `no ${stamp_ms}` });
}
