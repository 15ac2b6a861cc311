/**
 * What must hold after each cycle, when everything is healed and has come to rest. Pure: the files as the checker's own reader reads
 * them, against what the service has made of them.
 *
 *     I1 every row of a file is stored, every line that can't be read is a dead letter, the counts of each run add up
 *     I2 one row for each trajectory, with the values of its newest version; withdrawn exactly if no file has it any longer
 *     I3 offsets: committed <= stored <= end of the log, and at rest stored = end
 *     I5 no run is unfinished
 *     I6 one dead letter for each line, and none of anything else
 *     I8 connections and transactions are within their limits
 * I4, the rest of I5 and of I6 are in deep_check.ts, I7 (processes) in cycle.ts.
 */
import type { Observation, RunSeen } from "./observation.ts";
import type { ReadFile } from "./read_files.ts";

/** Most connections to the database: its limit is 50, and some are people's. */
const CONNECTIONS_MAX = 45;
/** How many violations of a kind are shown. */
const SHOWN_MAX = 5;

/** What the files say. */
export interface Expected {
  readonly files: readonly ReadFile[];
  /** Every file that ever had an id. */
  readonly homes: ReadonlyMap<string, ReadonlySet<string>>;
  /** Ids of the dead letters that there may be. */
  readonly badLines: ReadonlySet<string>;
}

/** Every violation, in words. */
export function violations(expected: Expected, observed: Observation): string[] {
  return [
    ...rowViolations(expected, observed),
    ...offsetViolations(observed),
    ...observed.unfinishedRuns.map(({ id, state, owner }) =>
      `I5 run ${id} is still ${state} (owner ${owner})`
    ),
    ...observed.runs.flatMap(countViolations),
    ...deadLetterViolations(expected, observed),
    ...limitViolations(observed),
  ];
}

function rowViolations({ files, homes }: Expected, observed: Observation): string[] {
  const newest = newestRows(files);
  const spoiled = new Set(files.filter((file) => file.badLines.length > 0).map(({ path }) => path));
  const stored = new Map(observed.meteors.map((meteor) => [meteor.id, meteor]));
  const found: string[] = [];
  for (const id of newest.keys()) {
    if (!stored.has(id)) found.push(`I1 ${id} of ${[...homes.get(id) ?? []]} is not stored`);
  }
  let stations = 0;
  for (const { id, values, isWithdrawn } of observed.meteors) {
    stations += (values.participating_stations as unknown[] | null)?.length ?? 0;
    const cells = newest.get(id);
    const home = [...homes.get(id) ?? []];
    if (cells === undefined) {
      // A file with a line that can't be read is no evidence: any trajectory may be in it.
      if (home.length === 0) found.push(`I1 ${id} is stored, and no file ever had it`);
      else if (!isWithdrawn && !home.some((path) => spoiled.has(path))) {
        found.push(`I2 ${id} is in no file any longer (it was in ${home}), and is not withdrawn`);
      }
      continue;
    }
    if (isWithdrawn) found.push(`I2 ${id} is in ${home}, and is withdrawn`);
    const wrong = differences(cells, values, observed.columns);
    if (wrong.length > 0) found.push(`I2 ${id} of ${home}: ${wrong.join(", ")}`);
  }
  if (stations !== observed.stations) {
    found.push(`I2 rows have ${stations} stations, participating_station ${observed.stations}`);
  }
  return shortened(found);
}

/** The cells of each id, of the file with the latest stamp that has it. */
function newestRows(files: readonly ReadFile[]): Map<string, readonly string[]> {
  const byAge = files.toSorted((a, b) => a.stamp_ms - b.stamp_ms);
  return new Map(byAge.flatMap(({ rows }) => [...rows]));
}

function differences(
  cells: readonly string[],
  values: Readonly<Record<string, unknown>>,
  columns: readonly string[],
): string[] {
  return columns.flatMap((column, at) => {
    const [wanted, is] = [valueOf(cells[at]!, at), shownOf(values[column])];
    return wanted === is ? [] : [`${column} is ${is} and should be ${wanted}`];
  });
}

const [TIME, IAU_NO, IAU_CODE, BEGIN_IN, END_IN, STATIONS] = [2, 3, 4, 82, 83, 85];

/** A cell's value as text, so that it can be compared with the column's. */
function valueOf(cell: string, at: number): string {
  if (at === 0) return cell;
  if (at === TIME) return timeText(cell);
  if (at === IAU_CODE) return cell === "..." ? "null" : cell;
  if (at === BEGIN_IN || at === END_IN) return cell.toLowerCase();
  if (at === STATIONS) return cell.split(",").sort().join();
  // Sporadic meteors have -1, which is no shower.
  if (at === IAU_NO && Number(cell) === -1) return "null";
  return String(Number(cell));
}

function shownOf(value: unknown): string {
  // The order of stations means nothing.
  if (Array.isArray(value)) return value.toSorted().join();
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) return timeText(value);
  return String(value);
}

/** `2024-08-12 03:14:15.099949`, from that and from PostgreSQL's JSON, which leaves zeros at the end out. */
function timeText(text: string): string {
  const [, day, time, fraction = ""] = /^(\S{10})[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?/.exec(text) ?? [];
  return `${day} ${time}.${fraction.padEnd(6, "0")}`;
}

function offsetViolations({ positions }: Observation): string[] {
  return positions.flatMap(({ topic, partition, end, stored, committed }) => {
    const at = `I3 ${topic}-${partition}`;
    const found: string[] = [];
    if ((committed ?? 0n) > (stored ?? 0n)) {
      found.push(`${at}: committed ${committed}, stored only to ${stored}`);
    }
    if ((stored ?? 0n) !== end) found.push(`${at}: stored to ${stored}, the log ends at ${end}`);
    return found;
  });
}

function countViolations({ id, state, files, rows }: RunSeen): string[] {
  const found: string[] = [];
  if (rows.read !== rows.published + rows.unchanged + rows.rejected) {
    found.push(
      `I1 run ${id} (${state}): read is not published + unchanged + rejected: ${
        JSON.stringify(rows)
      }`,
    );
  }
  const isOver = state !== "requested" && state !== "running";
  if (isOver && rows.loaded + rows.dead !== rows.published) {
    found.push(`I1 run ${id} (${state}): loaded + dead is not published: ${JSON.stringify(rows)}`);
  }
  if (rows.dead > 0) found.push(`I1 run ${id}: ${rows.dead} good rows are dead letters`);
  const settled = files.extracted + files.skipped + files.failed;
  if (state === "completed" && settled !== files.planned) {
    found.push(`I1 run ${id} is completed, with ${settled} of ${files.planned} files`);
  }
  return found;
}

function deadLetterViolations({ files, badLines }: Expected, observed: Observation): string[] {
  const there = new Set(observed.deadLetters.map(({ id }) => id));
  const wanted = files.flatMap(({ path, stamp_ms, badLines: lines }) =>
    lines.map((line) => `file:${path}@${new Date(stamp_ms).toISOString()}#${line}`)
  );
  return shortened([
    ...wanted.filter((id) => !there.has(id)).map((id) => `I1 there is no dead letter ${id}`),
    ...[...there].filter((id) => !badLines.has(id)).map((id) => `I6 ${id} is of no bad line`),
  ]);
}

function limitViolations({ connections, idleInTransaction }: Observation): string[] {
  const found: string[] = [];
  if (connections > CONNECTIONS_MAX) found.push(`I8 ${connections} connections to the database`);
  if (idleInTransaction > 0) found.push(`I8 ${idleInTransaction} transactions are held open`);
  return found;
}

function shortened(found: readonly string[]): string[] {
  return found.length <= SHOWN_MAX
    ? [...found]
    : [...found.slice(0, SHOWN_MAX), `… and ${found.length - SHOWN_MAX} more like these`];
}
