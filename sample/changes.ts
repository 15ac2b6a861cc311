/** Changes to published rows on demand, for tests of re-ingestion. */
import { julianDateOf } from "./astronomy/time.ts";
import { rowAt } from "./history.ts";
import type { Meteor } from "./meteor.ts";
import { createRandom } from "./random.ts";
import { STATIONS } from "./stations.ts";
import type { SummaryRow } from "./summary_row.ts";

/** The changes to one window. Rows are chosen by the seed; each is changed in one way only. */
export interface WindowChange {
  /** 0 is the newest window, 1 the one before. */
  windowsBack: number;
  /** Rows that get one more station. */
  stationsAdded?: number;
  /** Rows whose sigmas all grow by a tenth. (The two newest windows have rows without sigmas: those stay as they are.) */
  sigmasChanged?: number;
  /** Rows that are no longer there. */
  withdrawn?: number;
}

/** The identifiers of the changed rows. */
export interface AppliedChange {
  windowsBack: number;
  stationsAdded: string[];
  sigmasChanged: string[];
  withdrawn: string[];
}

/** The rows of a window in one run: final or not yet, with the window's change, if any. */
export function rowsAt(
  meteors: readonly Meteor[],
  run: Date,
  seed: number,
  change?: WindowChange,
): { rows: SummaryRow[]; applied: AppliedChange | undefined } {
  const then = julianDateOf(run);
  const rows = meteors.map((meteor) => rowAt(meteor, then)).filter((row) => row !== undefined);
  return change === undefined ? { rows, applied: undefined } : applyChange(rows, change, seed);
}

function applyChange(
  rows: readonly SummaryRow[],
  change: WindowChange,
  seed: number,
): { rows: SummaryRow[]; applied: AppliedChange } {
  const random = createRandom("change", seed, change.windowsBack);
  const left = rows.map((row) => row.id);
  const take = (count = 0): string[] =>
    Array.from({ length: Math.min(count, left.length) }, () => (
      left.splice(random.below(left.length), 1)[0] ?? ""
    ));
  const applied: AppliedChange = {
    windowsBack: change.windowsBack,
    stationsAdded: take(change.stationsAdded),
    sigmasChanged: take(change.sigmasChanged),
    withdrawn: take(change.withdrawn),
  };
  const changed = rows
    .filter((row) => !applied.withdrawn.includes(row.id))
    .map((row) => {
      if (applied.stationsAdded.includes(row.id)) return withStation(row);
      if (applied.sigmasChanged.includes(row.id)) return withLargerSigmas(row);
      return row;
    });
  return { rows: changed, applied };
}

/** The first station in the table that the row does not have yet, from the row's own country if possible. */
function withStation(row: SummaryRow): SummaryRow {
  const country = row.stations[0]?.slice(0, 2) ?? "";
  const absent = STATIONS.map(({ code }) => code).filter((code) => !row.stations.includes(code));
  const added = absent.find((code) => code.startsWith(country)) ?? absent[0];
  return added === undefined ? row : { ...row, stations: [...row.stations, added].sort() };
}

function withLargerSigmas(row: SummaryRow): SummaryRow {
  const sigma = Object.fromEntries(
    Object.entries(row.sigma).map((
      [name, value],
    ) => [name, value === null ? null : value * 1.1 + 0.001]),
  ) as SummaryRow["sigma"];
  return { ...row, sigma };
}
