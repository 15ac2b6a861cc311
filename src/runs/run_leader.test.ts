/** Two leaders of one log: what the first still writes after the second has begun changes nothing. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { foldRuns } from "../../tests/support/fold_runs.ts";
import { evolve, type RunState } from "./run.ts";
import { decide, type RunCommand, RunCommandRefused } from "./run_decide.ts";
import type { RunEvent } from "./run_event.ts";
import { evolveLeader, type Leads, type RunLeader } from "./run_leader.ts";

const AT = new Date("2026-11-23T01:00:00Z");
const RUNS = ["one", "two"] as const;
const FILES = ["a", "b"] as const;
const IDENTITY = { size_bytes: 100, etag: null, lastModified: null, listed: null };

const leads = (epoch: number, owner = `leader ${epoch}`): Leads => ({
  type: "leads",
  at: AT,
  epoch,
  owner,
});
const requestOf = (runId: string): RunCommand => ({
  type: "request",
  runId,
  at: AT,
  kind: "backfill",
  selection: { all: true },
  requestedBy: "http",
  idempotencyKey: null,
});

/** A process that works on runs: its memory is never behind what it has written itself. */
class Leader {
  readonly memory: Map<string, RunState>;

  constructor(readonly epoch: number, log: readonly (RunEvent | Leads)[]) {
    this.memory = foldRuns(log);
  }

  /** Writes the events of a command to the log, unless its state refuses it. */
  do(log: (RunEvent | Leads)[], command: RunCommand): void {
    const state = this.memory.get(command.runId) ?? null;
    let events: RunEvent[];
    try {
      events = decide(state, { ...command, epoch: this.epoch });
    } catch (error) {
      if (error instanceof RunCommandRefused) return;
      throw error;
    }
    log.push(...events);
    const after = events.reduce(evolve, state);
    if (after !== null) this.memory.set(command.runId, after);
  }
}

const rows = fc.nat(20).map((published) => ({
  read: published,
  published,
  unchanged: 0,
  rejected: 0,
}));
const file = fc.constantFrom(...FILES);
const of = { runId: "", at: AT };
/** What a leader does to a run. Often refused in the run's state, and then nothing is written. */
const work: fc.Arbitrary<RunCommand> = fc.oneof(
  fc.constant<RunCommand>({ ...of, type: "start", owner: "a process" }),
  fc.constant<RunCommand>({ ...of, type: "plan", files: FILES }),
  file.map((file): RunCommand => ({ ...of, type: "startFile", file, identity: IDENTITY })),
  fc.tuple(file, rows).map(([file, rows]): RunCommand => ({
    ...of,
    type: "progress",
    file,
    generatedAt: AT,
    checkpoint: { byteOffset: rows.read * 10, lineNumber: rows.read },
    rows,
    nextOffsets: { 0: rows.read },
  })),
  fc.tuple(file, rows).map(([file, rows]): RunCommand => ({
    ...of,
    type: "extract",
    file,
    identity: IDENTITY,
    generatedAt: AT,
    rows,
    nextOffsets: { 0: rows.read },
  })),
  file.map((file): RunCommand => ({ ...of, type: "failFile", file, reason: "cut" })),
  fc.constant<RunCommand>({ ...of, type: "complete" }),
  fc.constant<RunCommand>({ ...of, type: "fail", reason: "the source is down" }),
);
const works = fc.array(
  fc.tuple(fc.constantFrom(...RUNS), work).map(([runId, work]) => ({ ...work, runId })),
  // Not the few commands that fast-check prefers: their run's state refuses most, and a late event is rare.
  { minLength: 10, maxLength: 40, size: "max" },
);
/** Whether the replaced leader has its turn, or the new one. */
const turns = fc.array(fc.boolean(), { maxLength: 80, size: "max" });

test("late events of a replaced leader change nothing, and the new leader's memory is what the log says", () => {
  const lateEvents = { count: 0 };
  fc.assert(
    fc.property(works, works, turns, (before, after, order) => {
      const log: (RunEvent | Leads)[] = [
        leads(1),
        ...RUNS.flatMap((runId) => decide(null, requestOf(runId))),
      ];
      const first = new Leader(1, log);
      const [inTime, late] = [before.slice(0, before.length / 2), before.slice(before.length / 2)];
      for (const command of inTime) first.do(log, command);
      log.push(leads(2));
      const second = new Leader(2, log);
      const withoutLate = [...log];
      for (const isLate of [...order, ...after.map(() => false)]) {
        const length = log.length;
        const command = (isLate ? late : after).shift();
        if (command === undefined) continue;
        (isLate ? first : second).do(log, command);
        if (isLate) lateEvents.count += log.length - length;
        else withoutLate.push(...log.slice(length));
      }
      expect(foldRuns(log)).toEqual(foldRuns(withoutLate));
      expect(foldRuns(log)).toEqual(second.memory);
    }),
  );
  expect(lateEvents.count).toBeGreaterThan(20);
});

test("of two processes with one epoch the first on the log leads, and a repeated record changes nothing", () => {
  const who = (...events: (Leads | RunEvent)[]) => {
    const leader = events.reduce<RunLeader | null>(evolveLeader, null);
    return [leader?.epoch, leader?.owner];
  };
  expect(who(leads(1, "A"), leads(1, "B"), leads(1, "A"))).toEqual([1, "A"]);
  expect(who(leads(2, "B"), leads(1, "A"))).toEqual([2, "B"]);
  // The record that said who has epoch 3 is lost: nobody may take 3 again.
  const event: RunEvent = { type: "started", runId: "one", at: AT, owner: "C", epoch: 3 };
  expect(who(leads(2, "B"), event)).toEqual([3, ""]);
});

test("a request, a person's cancellation and an upload have no epoch and are always valid", () => {
  const [requested] = decide(null, requestOf("one"));
  const cancelled: RunEvent = { type: "cancelled", runId: "one", at: AT, reason: "wrong year" };
  expect(foldRuns([leads(2), requested!, leads(3), cancelled]).get("one")?.status).toBe(
    "cancelled",
  );
});
