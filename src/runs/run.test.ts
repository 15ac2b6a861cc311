/** Tests the run's decisions as given-when-then, and its invariants under any sequence of commands. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldRun, foldRuns } from "../../tests/support/fold_runs.ts";
import {
  countFiles,
  countRows,
  evolve,
  isFinished,
  isSettled,
  pendingFiles,
  type RunState,
} from "./run.ts";
import { decide, type RunCommand, RunCommandRefused } from "./run_decide.ts";
import type { FileIdentity, RunEvent } from "./run_event.ts";

const RUN = "01890a5d-ac96-774b-bcce-b302099a8057";
const AT = new Date("2026-11-23T01:00:00Z");
const IDENTITY: FileIdentity = {
  size_bytes: 100,
  etag: '"a"',
  lastModified: null,
  listed: "23-Nov-2026 00:10 100",
};

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type Command = Without<RunCommand, "runId" | "at">;
type Event = Without<RunEvent, "runId" | "at">;

const command = (c: Command) => ({ runId: RUN, at: AT, ...c }) as RunCommand;
const event = (e: Event) => ({ runId: RUN, at: AT, ...e }) as RunEvent;

/** given(history).when(command).then(events) or .refused(why). */
function given(...history: Event[]) {
  const state = foldRun(history.map(event));
  return {
    state,
    when: (asked: Command) => ({
      then: (...expected: Event[]) =>
        expect(decide(state, command(asked))).toEqual(expected.map(event)),
      refused: (why: RegExp) => {
        expect(() => decide(state, command(asked))).toThrow(RunCommandRefused);
        expect(() => decide(state, command(asked))).toThrow(why);
      },
    }),
  };
}

const request = {
  kind: "backfill",
  selection: { year: 2024 },
  requestedBy: "http",
  idempotencyKey: "k",
} as const;
const requested: Event = { type: "requested", ...request };
const started: Event = { type: "started", owner: "me" };
const planned: Event = { type: "planned", files: ["a", "b"] };
const begun = (file: string): Event => ({ type: "file_started", file, identity: IDENTITY });
const rows = (published: number, rejected = 0) => ({
  read: published + rejected,
  unchanged: 0,
  published,
  rejected,
});
const progress = (file: string, byteOffset: number, published: number): Event => ({
  type: "file_progress",
  file,
  generatedAt: AT,
  checkpoint: { byteOffset, lineNumber: byteOffset / 10 },
  rows: rows(published),
});
const extracted = (file: string, published: number, nextOffsets = {}): Event => ({
  type: "file_extracted",
  file,
  identity: IDENTITY,
  generatedAt: AT,
  rows: rows(published),
  nextOffsets,
});
const deferred = (file: string, attempt: number): Event => ({
  type: "file_deferred",
  file,
  attempt,
  reason: "cut",
  retryAt: AT,
});
const failedFile = (file: string): Event => ({ type: "file_failed", file, reason: "cut" });
const skipped = (file: string): Event => ({ type: "file_skipped", file, reason: "unchanged" });

describe("decide", () => {
  test("a request creates a run, once", () => {
    given().when({ type: "request", ...request }).then(requested);
    given(requested).when({ type: "request", ...request }).refused(/already requested/);
    given().when({ type: "start", owner: "me" }).refused(/not known/);
  });

  test("a run starts, and starts again when another process takes it over", () => {
    given(requested).when({ type: "start", owner: "me" }).then(started);
    given(requested, started).when({ type: "start", owner: "you" })
      .then({ type: "started", owner: "you" });
  });

  test("a run is planned once, while it is running, and the plan names each file once", () => {
    given(requested, started).when({ type: "plan", files: ["a", "b", "a"] }).then(planned);
    given(requested, started, planned).when({ type: "plan", files: ["c"] }).refused(/planned/);
    given(requested).when({ type: "plan", files: ["a"] }).refused(/requested, not running/);
  });

  test("commands for files that are not planned, or are settled, are refused", () => {
    const open = { type: "startFile", file: "a", identity: IDENTITY } as const;
    given(requested, started, planned).when({ ...open, file: "c" }).refused(/c is not in its plan/);
    given(requested, started, planned, begun("a"), extracted("a", 3))
      .when(open).refused(/a is extracted already/);
    given(requested, started, planned).when(open).then(begun("a"));
  });

  test("progress must add up and never go back", () => {
    const reading = given(requested, started, planned, begun("a"), progress("a", 100, 5));
    const going = {
      type: "progress",
      file: "a",
      generatedAt: AT,
      checkpoint: { byteOffset: 200, lineNumber: 20 },
      rows: rows(6),
    } as const;
    reading.when(going).then(progress("a", 200, 6));
    reading.when({ ...going, rows: { read: 7, published: 6, unchanged: 0, rejected: 0 } })
      .refused(/do not add up: 7 read, 6 published/);
    reading.when({ ...going, rows: rows(4) }).refused(/4 published \(5 before\)/);
    reading.when({ ...going, checkpoint: { byteOffset: 90, lineNumber: 20 } })
      .refused(/before its checkpoint/);
  });

  test("a file read again from its first byte counts from 0", () => {
    const { state } = given(
      requested,
      started,
      planned,
      begun("a"),
      progress("a", 100, 5),
      begun("a"),
    );
    expect(state?.files?.get("a")).toMatchObject({
      status: "reading",
      checkpoint: null,
      rows: rows(0),
    });
  });

  test("a file that is put off waits until its next attempt begins, and its attempts are counted on", () => {
    const waiting = { attempt: 1, reason: "cut", retryAt: AT };
    const { state } = given(requested, started, planned, begun("a"), deferred("a", 1));
    expect(state?.files?.get("a")).toMatchObject({ status: "reading", attempts: 1, waiting });
    const before = [
      requested,
      started,
      planned,
      begun("a"),
      progress("a", 10, 1),
      deferred("a", 1),
    ];
    // Read on from its checkpoint, or from its first byte.
    for (const next of [progress("a", 100, 5), begun("a")]) {
      const { state, when } = given(...before, next);
      expect(state?.files?.get("a")).toMatchObject({ attempts: 1, waiting: null });
      const again = { type: "deferFile", file: "a", reason: "cut", retryAt: AT } as const;
      when({ ...again, attempt: 2 }).then(deferred("a", 2));
      when({ ...again, attempt: 1 }).refused(/after attempt 1: 1 attempts at a are put off/);
    }
    expect(given(...before, failedFile("a")).state?.files?.get("a")?.waiting).toBeNull();
  });

  test("a run with every file settled completes, with the furthest offsets", () => {
    given(
      requested,
      started,
      planned,
      begun("a"),
      extracted("a", 3, { 0: 7, 1: 2 }),
      skipped("b"),
    ).when({ type: "complete" }).then({ type: "completed", nextOffsets: { 0: 7, 1: 2 } });
    given(requested, started, { type: "planned", files: [] })
      .when({ type: "complete" }).then({ type: "completed", nextOffsets: {} });
  });

  test("a run with failed files fails and says how many failed", () => {
    given(requested, started, planned, begun("a"), extracted("a", 3), failedFile("b"))
      .when({ type: "complete" })
      .then({ type: "failed", reason: "1 of 2 files failed, the first was b: cut" });
  });

  test("a run with pending files can't complete, but can fail or be cancelled", () => {
    const open = given(requested, started, planned, begun("a"));
    open.when({ type: "complete" }).refused(/2 of its 2 files are not settled/);
    open.when({ type: "fail", reason: "gone" }).then({ type: "failed", reason: "gone" });
    open.when({ type: "cancel", reason: "asked" }).then({ type: "cancelled", reason: "asked" });
    given(requested).when({ type: "cancel", reason: "asked" })
      .then({ type: "cancelled", reason: "asked" });
  });

  test("a finished run refuses every command; a second cancel returns no event", () => {
    const done = given(requested, started, { type: "planned", files: [] }, {
      type: "completed",
      nextOffsets: {},
    });
    done.when({ type: "cancel", reason: "late" }).refused(/already completed/);
    done.when({ type: "start", owner: "me" }).refused(/already completed/);
    given(requested, { type: "cancelled", reason: "x" })
      .when({ type: "cancel", reason: "y" }).then();
  });
});

describe("evolve", () => {
  test("ignores impossible events: duplicates, other runs, events before the request", () => {
    expect(foldRun([started, planned].map(event))).toBeNull();
    const { state } = given(requested, started, planned, begun("a"), progress("a", 100, 5));
    expect(evolve(state, event(progress("a", 50, 3)))).toBe(state);
    const putOff = evolve(state, event(deferred("a", 2)));
    expect(evolve(putOff, event(deferred("a", 2)))).toBe(putOff);
    expect(evolve(putOff, event(deferred("a", 1)))).toBe(putOff);
    expect(evolve(state, event(requested))).toBe(state);
    expect(evolve(state, event({ type: "planned", files: ["z"] }))).toBe(state);
    expect(evolve(state, event({ type: "completed", nextOffsets: {} }))).toBe(state);
    expect(evolve(state, { ...event(failedFile("a")), runId: "another" })).toBe(state);
  });

  test("folds a history of several runs", () => {
    const other = { ...event(requested), runId: "another" };
    const runs = foldRuns([event(requested), other, event(started)]);
    expect([...runs.values()].map((run) => run.status)).toEqual(["running", "requested"]);
  });
});

/** Any command, sensible or not, on a run of up to three files. */
const anyFile = fc.constantFrom("a", "b", "c", "z");
const anyCount = fc.nat(20);
const anyRows = fc.tuple(anyCount, anyCount).map(([p, r]) => rows(p, r));
const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.constant<Command>({ type: "request", ...request }),
  fc.constant<Command>({ type: "start", owner: "me" }),
  fc.subarray(["a", "b", "c"]).map((files): Command => ({ type: "plan", files })),
  anyFile.map((file): Command => ({ type: "startFile", file, identity: IDENTITY })),
  fc.tuple(anyFile, anyRows, anyCount).map(([file, rows, byteOffset]): Command => ({
    type: "progress",
    file,
    generatedAt: AT,
    checkpoint: { byteOffset, lineNumber: byteOffset },
    rows,
  })),
  fc.tuple(anyFile, anyRows, anyCount).map(([file, rows, offset]): Command => ({
    type: "extract",
    file,
    identity: IDENTITY,
    generatedAt: AT,
    rows,
    nextOffsets: { 0: offset },
  })),
  anyFile.map((file): Command => ({ type: "skip", file, reason: "unchanged" })),
  fc.tuple(anyFile, fc.integer({ min: 1, max: 3 })).map(([file, attempt]): Command => ({
    type: "deferFile",
    file,
    attempt,
    reason: "cut",
    retryAt: AT,
  })),
  anyFile.map((file): Command => ({ type: "failFile", file, reason: "cut" })),
  fc.constant<Command>({ type: "complete" }),
  fc.constant<Command>({ type: "fail", reason: "gone" }),
  fc.constant<Command>({ type: "cancel", reason: "asked" }),
);
/** Sequences that make progress: they begin with up to three valid commands, followed by any. */
const anyCommands = fc.tuple(fc.nat(3), fc.array(anyCommand, { maxLength: 40 })).map((
  [valid, rest],
) => {
  const start: Command[] = [
    { type: "request", ...request },
    { type: "start", owner: "me" },
    { type: "plan", files: ["a", "b", "c"] },
  ];
  return [...start.slice(0, valid), ...rest];
});

const ORDER = { requested: 0, running: 1, completed: 2, failed: 2, cancelled: 2 };

function checkInvariants(before: RunState | null, after: RunState | null) {
  if (after === null) return expect(before).toBeNull();
  const files = countFiles(after);
  expect(files.planned).toBe(files.pending + files.extracted + files.skipped + files.failed);
  expect(pendingFiles(after).length).toBe(files.pending);
  const total = countRows(after);
  expect(total.read).toBe(total.published + total.unchanged + total.rejected);
  if (after.status === "completed") expect([files.pending, files.failed]).toEqual([0, 0]);
  if (isFinished(after)) expect(after.finishedAt).not.toBeNull();
  if (before === null) return;
  expect(ORDER[after.status]).toBeGreaterThanOrEqual(ORDER[before.status]);
  if (isFinished(before)) expect(after).toBe(before);
  for (const [name, file] of before.files ?? []) {
    const now = after.files!.get(name)!;
    if (isSettled(file)) expect(now).toBe(file);
    expect(now.attempts).toBeGreaterThanOrEqual(file.attempts);
    if (now.waiting !== null) {
      expect([now.waiting.attempt, isSettled(now)]).toEqual([now.attempts, false]);
    }
  }
  for (const [partition, offset] of Object.entries(before.nextOffsets)) {
    expect(after.nextOffsets[Number(partition)]).toBeGreaterThanOrEqual(offset);
  }
}

describe("any sequence of commands", () => {
  test("keeps the invariants, and every decided event produces a new state", () => {
    fc.assert(fc.property(anyCommands, (commands) => {
      let state: RunState | null = null;
      for (const asked of commands) {
        let events: RunEvent[] = [];
        try {
          events = decide(state, command(asked));
        } catch (error) {
          expect(error).toBeInstanceOf(RunCommandRefused);
        }
        for (const happened of events) {
          const after = evolve(state, happened);
          expect(after).not.toBe(state);
          checkInvariants(state, after);
          state = after;
        }
      }
    }));
  });

  test("folds to the same state when the log contains each event twice", () => {
    fc.assert(fc.property(anyCommands, (commands) => {
      const log: RunEvent[] = [];
      for (const asked of commands) {
        try {
          log.push(...decide(foldRun(log), command(asked)));
        } catch { /* refused */ }
      }
      expect(foldRun(log.flatMap((e) => [e, e]))).toEqual(foldRun(log));
    }));
  });

  test("any events in any order keep the invariants too", () => {
    const anyEvent = anyCommands.chain((commands) => {
      const log: RunEvent[] = [];
      for (const asked of commands) {
        try {
          log.push(...decide(foldRun(log), command(asked)));
        } catch { /* refused */ }
      }
      return fc.shuffledSubarray(log);
    });
    fc.assert(fc.property(anyEvent, (events) => {
      let state: RunState | null = null;
      for (const happened of events) {
        const after: RunState | null = evolve(state, happened);
        checkInvariants(state, after);
        state = after;
      }
    }));
  });
});
