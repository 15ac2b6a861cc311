/**
 * The property: whatever happens while a run publishes, its counts are those of a run to which nothing happened. A model of the way makes
 * the cases: processes that publish a file and note their progress, die after some more rows, are replaced and publish on unnoticed;
 * and a data store that says of each record what it changed.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accountRows, type Outcome, OUTCOMES, type RecordCounts } from "./row_accounts.ts";
import { countPublished, evolve, type RunState } from "./run.ts";
import type { RunEvent } from "./run_event.ts";

const AT = new Date("2026-11-30T00:00:00Z");
const RUN = "a-run";
const FILE = "daily/a.txt";
const IDENTITY = { size_bytes: 1, etag: null, lastModified: null, listed: null };

/** What the data store has of a row before the run. */
const before = fc.constantFrom("nothing", "same", "other", "newer", "refused");
type Before = typeof before extends fc.Arbitrary<infer T> ? T : never;

/** One process: where it starts, how far it publishes and notes, and how many rows it publishes after its successor has begun. */
const reign = fc.record({
  fromStart: fc.boolean(),
  noted: fc.nat(6),
  lost: fc.nat(4),
  zombie: fc.nat(3),
});

type Reign = typeof reign extends fc.Arbitrary<infer T> ? T : never;

function state(events: readonly RunEvent[]): RunState {
  return events.reduce<RunState | null>(evolve, null)!;
}

const planned: readonly RunEvent[] = [
  {
    ...{ type: "requested", runId: RUN, at: AT, kind: "daily", requestedBy: "http" },
    ...{ selection: { days: 1 }, idempotencyKey: null },
  },
  { type: "started", runId: RUN, at: AT, owner: "a" },
  { type: "planned", runId: RUN, at: AT, files: [FILE] },
];

/** The events and the records, by epoch, of a file with so many rows that is published by these processes. */
function publish(rows: number, reigns: readonly Reign[], hasEpochs: boolean) {
  const events = [...planned];
  const log: { row: number; epoch: number }[] = [];
  let at = 0;
  const counts = (n: number) => ({ read: n, published: n, unchanged: 0, rejected: 0 });
  for (
    const [index, { fromStart, noted, lost, zombie }] of [...reigns, null].entries()
      .map(([index, one]) =>
        [index, one ?? { fromStart: false, noted: rows, lost: 0, zombie: 0 }] as const
      )
  ) {
    const isLast = index === reigns.length;
    const epoch = hasEpochs ? index + 1 : 0;
    const of = { runId: RUN, at: AT, file: FILE, ...(hasEpochs ? { epoch } : {}) };
    if (fromStart || index === 0 || at === 0) {
      events.push({ type: "file_started", ...of, identity: IDENTITY });
      at = 0;
    }
    const reached = isLast ? rows : Math.min(rows, at + noted);
    const published = Math.min(rows, reached + lost);
    for (let row = at; row < published; row++) log.push({ row, epoch });
    if (isLast) {
      const end = { identity: IDENTITY, generatedAt: null, nextOffsets: { 0: 1 } };
      events.push({ type: "file_extracted", ...of, ...end, rows: counts(rows) });
    } else if (reached > at) {
      const checkpoint = { byteOffset: reached, lineNumber: reached };
      events.push({
        ...{ type: "file_progress", ...of, generatedAt: null, checkpoint, rows: counts(reached) },
      });
      at = reached;
    }
    // What it still publishes is behind what its successor publishes, or before: both orders occur.
    const unnoticed = { row: published, epoch };
    for (let n = 0; n < zombie && published + n < rows; n++) {
      log.push({ ...unnoticed, row: published + n });
    }
  }
  return { events, log };
}

/** What the sink counts, by epoch. */
function load(log: readonly { row: number; epoch: number }[], stored: readonly Before[]) {
  const has = [...stored];
  const counts = new Map<number, { -readonly [K in keyof RecordCounts]: RecordCounts[K] }>();
  const nothing = { loaded: 0, dead: 0, new: 0, changed: 0, repeated: 0, stale: 0, duplicate: 0 };
  const OUTCOME_OF = {
    nothing: "new",
    same: "repeated",
    other: "changed",
    newer: "stale",
  } as const;
  for (const { row, epoch } of log) {
    let count = counts.get(epoch);
    if (count === undefined) counts.set(epoch, count = { epoch, ...nothing });
    const found = has[row]!;
    if (found === "refused") count.dead++;
    else {
      count.loaded++;
      count[OUTCOME_OF[found]]++;
      if (found !== "newer") has[row] = "same";
    }
  }
  return [...counts.values()];
}

const sumOf = (accounts: Readonly<Record<Outcome, number | null>>): number =>
  OUTCOMES.reduce((sum, outcome) => sum + accounts[outcome]!, 0);

describe("the accounts of a run", () => {
  test("are those of a run to which nothing happened, whatever happened", () => {
    const rows = fc.array(before.filter((one) => one !== "refused"), { maxLength: 12 });
    fc.assert(
      fc.property(
        rows,
        fc.array(reign, { maxLength: 4 }),
        fc.boolean(),
        (stored, reigns, hasEpochs) => {
          const { events, log } = publish(stored.length, reigns, hasEpochs);
          const accounts = accountRows(countPublished(state(events)), load(log, stored), true);
          const count = (what: Before) => stored.filter((one) => one === what).length;
          expect(accounts).toMatchObject({
            loaded: stored.length,
            dead: 0,
            new: count("nothing"),
            changed: count("other"),
            duplicate: 0,
          });
          const { repeated, stale } = accounts;
          expect(repeated! + stale!).toBe(count("same") + count("newer"));
          if (log.length === stored.length) expect(stale).toBe(count("newer"));
        },
      ),
    );
  });

  test("add up at any time: also with refused records, lost ones and copies", () => {
    const some = fc.array(before, { maxLength: 12 });
    const reigns = fc.array(reign, { maxLength: 4 });
    fc.assert(
      fc.property(
        some,
        reigns,
        fc.boolean(),
        fc.nat(30),
        fc.boolean(),
        (stored, reigns, hasEpochs, upTo, isPassed) => {
          const { events, log } = publish(stored.length, reigns, hasEpochs);
          const rows = countPublished(state(events));
          expect(rows.published).toBe(stored.length);
          const { loaded, dead, ...outcomes } = accountRows(
            rows,
            load(log.slice(0, upTo), stored),
            isPassed,
          );
          expect(sumOf(outcomes)).toBe(loaded);
          for (const outcome of OUTCOMES) expect(outcomes[outcome]).toBeGreaterThanOrEqual(0);
          expect(dead).toBeGreaterThanOrEqual(0);
          if (isPassed) expect(loaded + dead).toBe(rows.published);
          else if (rows.published > 0) expect(loaded + dead).toBeLessThanOrEqual(rows.published);
        },
      ),
    );
  });

  const nothing = { loaded: 0, dead: 0, new: 0, changed: 0, repeated: 0, stale: 0, duplicate: 0 };

  test("a replaced process does not make up for a record of its successor that is missing", () => {
    const rows = { published: 10, publishedBy: { 1: 4, 2: 6 } };
    const counts = [
      { epoch: 1, ...nothing, loaded: 9, new: 9 },
      { epoch: 2, ...nothing, loaded: 5, new: 1, repeated: 4 },
    ];
    expect(accountRows(rows, counts, true)).toMatchObject({ loaded: 9, dead: 1 });
  });

  test("what an earlier version has loaded has no outcomes", () => {
    const counts = [{ epoch: 0, ...nothing, loaded: 7, new: 2 }];
    expect(accountRows({ published: 7, publishedBy: {} }, counts, true)).toEqual({
      ...{ loaded: 7, dead: 0 },
      ...{ new: null, changed: null, repeated: null, stale: null, duplicate: null },
    });
  });

  test("until the sink is past the last record, a row is missing", () => {
    const counts = [{ epoch: 0, ...nothing, loaded: 7, new: 7 }];
    const rows = { published: 7, publishedBy: {} };
    expect(accountRows(rows, counts, false)).toMatchObject({ loaded: 6, new: 6 });
    expect(accountRows(rows, [], false)).toMatchObject({ loaded: 0, dead: 0, new: 0 });
    expect(accountRows({ published: 0, publishedBy: {} }, [], true)).toEqual(nothing);
  });
});
