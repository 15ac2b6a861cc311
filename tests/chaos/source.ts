/**
 * The source as a value: which rows its windows have, and how it changes by chance. Pure: the state after cycle K is a function of
 * the seed alone, whatever the service did meanwhile.
 *
 * Every version of a file has a later stamp than all versions before it, as at the real source. A trajectory is in one window at a
 * time: where it should be afterwards is never a matter of opinion.
 */
import type { Random } from "../../sample/random.ts";

/** Windows, each a file of a date of its own: so many that most are no neighbours, whose withdrawals wait for each other. */
const WINDOWS = 9;
/** The date of the first window. */
const FIRST_DATE = Date.UTC(2026, 10, 10);
const DAY_MS = 86_400_000;
/** Stamps begin here and go up by some seconds a version: years of them are in the past, whatever a jumping clock says. */
const FIRST_STAMP_MS = Date.UTC(2024, 0, 1);
const STAMP_STEP_S = 60;
/** Rows of a window at the beginning, at least and at most, and how many it may have. */
const ROWS_MIN = 5;
const ROWS_MAX = 300;
/** Most rows that one change touches: less than what counts as a mass disappearance, which waits for a second generation. */
const TOUCHED_MAX = 12;
/** Rows that a window may lose before a reading without bad lines has seen that: a few less than a mass disappearance. */
const LOST_UNSEEN_MAX = 40;
/** How many withdrawn rows are remembered, so that they can return. */
const REMEMBERED_MAX = 200;

/** A window: rows by id, each with the number of its version. */
export interface Window {
  /** Relative to the data directory. */
  readonly path: string;
  readonly date_ms: number;
  readonly stamp_ms: number;
  readonly rows: ReadonlyMap<string, number>;
  /** Lines that nobody can read. */
  readonly badLines: number;
  /** Rows that it lost since it was last without such lines: they are gone all at once when it is repaired. */
  readonly lostUnseen: number;
}

/** A row that was withdrawn. */
interface Withdrawn {
  readonly id: string;
  readonly version: number;
  readonly window: number;
}

export interface Source {
  readonly windows: readonly Window[];
  readonly withdrawn: readonly Withdrawn[];
  readonly nextStamp_ms: number;
  readonly nextId: number;
}

/** A change of the source, and what it did in words. */
export interface Step {
  readonly source: Source;
  /** Windows that were written again. */
  readonly rewritten: readonly number[];
  readonly what: string;
}

/** While a step is made. */
interface Draft {
  readonly random: Random;
  readonly rows: Map<string, number>[];
  readonly badLines: number[];
  readonly lostUnseen: number[];
  readonly touched: Set<number>;
  readonly said: string[];
  withdrawn: Withdrawn[];
  nextId: number;
}

/** The source before the first cycle. */
export function firstSource(random: Random): Source {
  const windows = Array.from({ length: WINDOWS }, (_, at): Window => {
    const date_ms = FIRST_DATE + at * DAY_MS;
    const day = new Date(date_ms).toISOString().slice(0, 10).replaceAll("-", "");
    const degrees = (n: number) => `${228 + n}.0`;
    return {
      path: `daily/traj_summary_${day}_solrange_${degrees(at)}-${degrees(at + 1)}.txt`,
      date_ms,
      stamp_ms: FIRST_STAMP_MS,
      rows: new Map(),
      badLines: 0,
      lostUnseen: 0,
    };
  });
  const empty = { windows, withdrawn: [], nextStamp_ms: FIRST_STAMP_MS, nextId: 0 };
  const draft = draftOf(empty, random);
  for (const at of windows.keys()) {
    const most = random.pick([15, 30, 60, ROWS_MAX]);
    addRows(draft, at, ROWS_MIN + random.below(most - ROWS_MIN));
  }
  return finish(empty, draft).source;
}

/** The next state of the source. */
export function nextStep(source: Source, random: Random): Step {
  const draft = draftOf(source, random);
  const changes = 1 + random.below(7);
  for (let n = 0; n < changes; n++) random.pick(CHANGES)(draft, random.below(WINDOWS));
  return finish(source, draft);
}

/** Each changes one window, or two neighbours. */
const CHANGES: readonly ((draft: Draft, at: number) => void)[] = [
  (draft, at) => addRows(draft, at, 1 + draft.random.below(TOUCHED_MAX)),
  correctRows,
  correctRows,
  withdrawRows,
  withdrawRows,
  withdrawRows,
  returnRows,
  moveRows,
  moveRows,
  (draft, at) => touch(draft, at, "only the stamp"),
  spoilOrRepair,
];

function draftOf(source: Source, random: Random): Draft {
  return {
    random,
    rows: source.windows.map(({ rows }) => new Map(rows)),
    badLines: source.windows.map(({ badLines }) => badLines),
    // What was lost while it could be read, as in the step before, counts as seen.
    lostUnseen: source.windows.map(({ badLines, lostUnseen }) => badLines === 0 ? 0 : lostUnseen),
    touched: new Set(),
    said: [],
    withdrawn: [...source.withdrawn],
    nextId: source.nextId,
  };
}

function finish(before: Source, draft: Draft): Step {
  let stamp_ms = before.nextStamp_ms;
  const windows = before.windows.map((window, at) => {
    if (!draft.touched.has(at)) return window;
    stamp_ms += (1 + draft.random.below(STAMP_STEP_S)) * 1000;
    return {
      ...window,
      stamp_ms,
      rows: draft.rows[at]!,
      badLines: draft.badLines[at]!,
      lostUnseen: draft.lostUnseen[at]!,
    };
  });
  return {
    source: {
      windows,
      withdrawn: draft.withdrawn.slice(-REMEMBERED_MAX),
      nextStamp_ms: stamp_ms,
      nextId: draft.nextId,
    },
    rewritten: [...draft.touched].sort(),
    what: draft.said.join(", "),
  };
}

function touch({ touched, said }: Draft, at: number, what: string): void {
  touched.add(at);
  said.push(`${at}: ${what}`);
}

/** Some rows of a window. */
function someRows({ random, rows }: Draft, at: number): string[] {
  const left = [...rows[at]!.keys()];
  const count = Math.min(left.length, 1 + random.below(TOUCHED_MAX));
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0]!);
}

function addRows(draft: Draft, at: number, count: number): void {
  const rows = draft.rows[at]!;
  const added = Math.min(count, ROWS_MAX - rows.size);
  for (let n = 0; n < added; n++) rows.set(newId(draft, at), 1);
  touch(draft, at, `${added} new`);
}

/** As the source makes them: the time, and five characters. Ids sort by age within a window, but lines do not depend on that. */
function newId(draft: Draft, at: number): string {
  const number = draft.nextId++;
  const time = new Date(FIRST_DATE + at * DAY_MS + draft.random.below(DAY_MS / 1000) * 1000);
  const digits = time.toISOString().replaceAll(/\D/g, "").slice(0, 14);
  return `${digits}_${number.toString(36).padStart(5, "0")}`;
}

function correctRows(draft: Draft, at: number): void {
  const ids = someRows(draft, at);
  for (const id of ids) draft.rows[at]!.set(id, draft.rows[at]!.get(id)! + 1);
  touch(draft, at, `${ids.length} corrected`);
}

/** Rows that may leave a window: the source never publishes a file without rows, and a mass disappearance waits for another generation. */
function leavingRows(draft: Draft, at: number): string[] {
  const most = Math.min(draft.rows[at]!.size - 1, LOST_UNSEEN_MAX - draft.lostUnseen[at]!);
  const ids = someRows(draft, at).slice(0, Math.max(0, most));
  draft.lostUnseen[at]! += ids.length;
  return ids;
}

function withdrawRows(draft: Draft, at: number): void {
  const ids = leavingRows(draft, at);
  for (const id of ids) {
    draft.withdrawn.push({ id, version: draft.rows[at]!.get(id)!, window: at });
    draft.rows[at]!.delete(id);
  }
  touch(draft, at, `${ids.length} withdrawn`);
}

/** The window's own withdrawn rows come back, as they were or corrected. */
function returnRows(draft: Draft, at: number): void {
  const candidates = draft.withdrawn.filter(({ window }) => window === at);
  const count = Math.min(candidates.length, 1 + draft.random.below(TOUCHED_MAX));
  const returning = new Set(candidates.slice(-count));
  draft.withdrawn = draft.withdrawn.filter((one) => !returning.has(one));
  for (const { id, version } of returning) {
    draft.rows[at]!.set(id, version + draft.random.below(2));
  }
  touch(draft, at, `${returning.size} returned`);
}

/** The window of the row's date. */
function homeOf(id: string): number {
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)/.exec(id)!.map(Number);
  return Math.round((Date.UTC(year!, month! - 1, day!) - FIRST_DATE) / DAY_MS);
}

/** To the next window or the one before, as a new solution of the beginning does; no further than that from its date. */
function moveRows(draft: Draft, at: number): void {
  const to = at === 0 ? 1 : at === WINDOWS - 1 ? at - 1 : at + (draft.random.below(2) * 2 - 1);
  const ids = leavingRows(draft, at).filter((id) => Math.abs(homeOf(id) - to) <= 1);
  for (const id of ids) {
    draft.rows[to]!.set(id, draft.rows[at]!.get(id)! + draft.random.below(2));
    draft.rows[at]!.delete(id);
  }
  touch(draft, at, `${ids.length} moved to ${to}`);
  draft.touched.add(to);
}

/** A line that can't be read appears, or is gone again: while it is there, the file is no evidence for withdrawals. */
function spoilOrRepair(draft: Draft, at: number): void {
  draft.badLines[at] = draft.badLines[at] === 0 ? 1 : 0;
  touch(draft, at, draft.badLines[at] === 0 ? "repaired" : "a bad line");
}
