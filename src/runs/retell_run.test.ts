import { describe, expect, test } from "vitest";
import { evolve, type FileState, type RunState } from "./run.ts";
import type { RunEvent } from "./run_event.ts";
import { historyEntry } from "./run_history.ts";
import { LOST_WITH_THE_LOG, RunRetelling, type RunToRetell } from "./retell_run.ts";

const runId = "run-1";
const at = (minute: number) => new Date(Date.UTC(2026, 10, 29, 12, minute));
const identity = (size_bytes: number) => ({
  size_bytes,
  etag: `"${size_bytes}"`,
  lastModified: null,
  listed: null,
});
const rows = (published: number, rejected = 0, unchanged = 1) => ({
  read: published + unchanged + rejected,
  published,
  unchanged,
  rejected,
});
const event = <Type extends RunEvent["type"]>(
  type: Type,
  minute: number,
  rest: Omit<Extract<RunEvent, { type: Type }>, "type" | "runId" | "at">,
) => ({ type, runId, at: at(minute), ...rest }) as unknown as RunEvent;

const BEGIN: RunEvent[] = [
  event("requested", 0, {
    kind: "backfill",
    selection: { year: 2024 },
    requestedBy: "http",
    idempotencyKey: "key",
  }),
  event("started", 1, { owner: "host:1" }),
  event("planned", 2, { files: ["a", "b", "c", "d"] }),
  event("file_started", 3, { file: "a", identity: identity(1) }),
  event("file_progress", 4, {
    file: "a",
    epoch: 1,
    generatedAt: at(0),
    checkpoint: { byteOffset: 500, lineNumber: 5 },
    rows: rows(4, 1),
    nextOffsets: { 0: 4, 2: 7 },
  }),
  event("file_extracted", 5, {
    file: "a",
    epoch: 2,
    stampAhead: at(9),
    identity: identity(2),
    generatedAt: at(0),
    rows: rows(8, 1),
    nextOffsets: { 0: 9, 2: 8 },
  }),
  event("file_skipped", 6, { file: "b", reason: "unchanged", identity: identity(3) }),
  event("file_started", 7, { file: "c", identity: identity(4) }),
  event("file_progress", 8, {
    file: "c",
    epoch: 2,
    generatedAt: at(0),
    checkpoint: { byteOffset: 100, lineNumber: 3 },
    rows: rows(2),
    nextOffsets: { 0: 11 },
  }),
];
const FAILED: RunEvent[] = [
  ...BEGIN,
  event("file_failed", 9, { file: "c", reason: "cut" }),
  event("started", 10, { owner: "host:2" }),
  event("file_skipped", 11, { file: "d", reason: "too late" }),
  event("failed", 12, { reason: "1 of 4 files failed" }),
];
const COMPLETED: RunEvent[] = [
  ...BEGIN.slice(0, 7),
  event("file_skipped", 9, { file: "c", reason: "unchanged", identity: identity(5) }),
  event("file_started", 10, { file: "d", identity: identity(6) }),
  event("file_extracted", 11, {
    file: "d",
    identity: identity(6),
    generatedAt: at(1),
    rows: rows(3),
    nextOffsets: { 1: 3 },
  }),
  event("completed", 12, { nextOffsets: { 0: 9, 1: 3, 2: 8 } }),
];
const deferred = (minute: number, file: string, attempt: number) =>
  event("file_deferred", minute, {
    file,
    attempt,
    reason: `cut ${attempt}`,
    retryAt: at(minute + 1),
  });
const again = (minute: number, byteOffset: number) =>
  event("file_progress", minute, {
    file: "c",
    generatedAt: at(0),
    checkpoint: { byteOffset, lineNumber: byteOffset },
    rows: rows(byteOffset),
    nextOffsets: { 0: byteOffset },
  });
/** A file that was put off while it was read, and one that could not be opened. */
const WAITING: RunEvent[] = [...BEGIN, deferred(9, "c", 1), deferred(10, "d", 1)];
const CASES = {
  "waiting for files": WAITING,
  "trying a file again": [...WAITING, again(11, 200)],
  "trying a file again from its first byte": [
    ...WAITING,
    event("file_started", 11, { file: "c", identity: identity(7) }),
  ],
  "waiting for the third time": [...WAITING, again(11, 200), deferred(12, "c", 2)],
  "failed for one of them": [
    ...WAITING,
    event("file_failed", 11, { file: "c", reason: "cut" }),
    event("file_skipped", 12, { file: "d", reason: "too late" }),
    event("failed", 13, { reason: "1 of 4 files failed" }),
  ],
  failed: FAILED,
  completed: COMPLETED,
  "still reading": BEGIN,
  "cancelled while reading": [...BEGIN, event("cancelled", 9, { reason: "by hand" })],
  "only requested": BEGIN.slice(0, 1),
  "cancelled before it began": [...BEGIN.slice(0, 1), event("cancelled", 9, { reason: "by hand" })],
};

const fold = (events: readonly RunEvent[]) =>
  events.reduce<RunState | null>(evolve, null) ?? (() => {
    throw new Error("no run");
  })();
/** As the store gives it back: without the times at which files were started, files in the order of their names. */
function stored(events: readonly RunEvent[]): RunState {
  const state = fold(events);
  const files = state.files === null ? null : new Map(
    [...state.files].map((
      [name, file],
    ): [string, FileState] => [name, { ...file, startedAt: null }]),
  );
  return { ...state, files };
}
const historyOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => {
    const entry = historyEntry(event);
    return entry === null ? [] : [{ ...entry, at: event.at }];
  });
const ENDS = { 0: 100, 1: 200, 2: 300 };
const toRetell = (events: readonly RunEvent[], rest: Partial<RunToRetell> = {}): RunToRetell => ({
  stored: stored(events),
  lostFiles: new Set(),
  isBehind: false,
  ends: ENDS,
  ...rest,
});
function retell(run: RunToRetell, entries: ReturnType<typeof historyOf>): RunEvent[] {
  const retelling = new RunRetelling(run);
  return [...entries.flatMap((entry) => retelling.take(entry)), ...retelling.end()];
}

describe.each(Object.entries(CASES))("a run that is %s", (_, events) => {
  const state = stored(events);
  const expected = {
    ...state,
    nextOffsets: Object.fromEntries(
      Object.keys(state.nextOffsets).map((at) => [at, ENDS[Number(at) as 0]]),
    ),
  };

  test("is told to the same state, with the same history", () => {
    const told = retell(toRetell(events), historyOf(events));
    expect(stored(told)).toEqual(expected);
    expect(historyOf(told)).toEqual(historyOf(events));
  });

  test.each([0, 1, 3, 5])(
    "is told to the same state when the first %i entries are missing",
    (from) => {
      expect(stored(retell(toRetell(events), historyOf(events).slice(from)))).toEqual(expected);
    },
  );

  test("is told to the same state without a history", () => {
    const told = stored(retell(toRetell(events), []));
    expect({ ...told, owner: state.owner }).toEqual(expected);
  });
});

describe("a file whose records were lost with the log", () => {
  test("is failed when its run is finished, and the run too", () => {
    const told = fold(
      retell(toRetell(COMPLETED, { lostFiles: new Set(["d"]) }), historyOf(COMPLETED)),
    );
    expect(told).toMatchObject({ status: "failed", reason: expect.stringContaining("was d: ") });
    expect(told.files!.get("d")).toMatchObject({ status: "failed", reason: LOST_WITH_THE_LOG });
    expect(told.files!.get("a")).toMatchObject({ status: "extracted" });
  });

  test("is read from its beginning when its run goes on", () => {
    const lost = { lostFiles: new Set(["a"]), isBehind: true };
    const told = fold(retell(toRetell(BEGIN, lost), historyOf(BEGIN)));
    expect(told.status).toBe("running");
    expect(told.files!.get("a")).toMatchObject({ status: "reading", checkpoint: null });
    expect(told.files!.get("c")).toMatchObject({ status: "reading", checkpoint: null });
  });
});
