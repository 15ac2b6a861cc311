import { expect, test } from "vitest";
import type { LogIdentity, LogIdentityEvent } from "../events/log_identity.ts";
import type { Watermarks } from "../events/start_position.ts";
import type { StoredPosition } from "../store/consumer_offsets.ts";
import { judgeLog, type LogFacts } from "./log_verdict.ts";

const AT = new Date("2026-11-20T12:00:00Z");
const RAW = "trajectory_summary_raw";
const RUNS = "ingestion_run";

const identityOf = (
  logId: string,
  boundTo: string | null,
  copies: LogIdentity["copies"] = [],
): LogIdentity => ({
  logId,
  createdAt: AT,
  hasTimedIds: true,
  bound: boundTo === null
    ? null
    : { type: "bound", logId, at: AT, dataStoreId: boundTo, decision: "first" },
  copies,
  repairs: [],
});

const copied = (
  fromLogId: string,
  source: readonly [bigint, bigint],
  target: readonly [bigint, bigint],
): Extract<LogIdentityEvent, { type: "copied" }> => ({
  type: "copied",
  logId: "copy",
  at: AT,
  fromLogId,
  hasTimedIds: true,
  ends: [RAW, RUNS].map((topic) => ({
    topic,
    partition: 0,
    sourceLow: source[0],
    sourceEnd: source[1],
    targetLow: target[0],
    targetEnd: target[1],
  })),
});

const position = (topic: string, nextOffset: bigint, more: Partial<StoredPosition> = {}) => ({
  topic,
  partition: 0,
  nextOffset,
  logStart: 0n,
  witness: null,
  ...more,
});

/** A data store that has loaded 20 of the log's 30 trajectories and all 9 events of runs. */
function facts(changes: {
  identity?: LogIdentity | null;
  boundTo?: string | null;
  raw?: Watermarks;
  runs?: Watermarks;
  positions?: readonly StoredPosition[];
  witness?: bigint | null;
  members?: number;
} = {}): LogFacts {
  const { raw = { low: 0n, high: 30n }, runs = { low: 0n, high: 9n } } = changes;
  const boundTo = changes.boundTo === undefined ? "log" : changes.boundTo;
  return {
    identity: changes.identity === undefined ? identityOf("log", "mine") : changes.identity,
    watermarks: new Map([[RAW, new Map([[0, raw]])], [RUNS, new Map([[0, runs]])]]),
    binding: { dataStoreId: "mine", logId: boundTo, boundAt: boundTo === null ? null : AT },
    positions: changes.positions ?? [position(RAW, 20n), position(RUNS, 9n)],
    witnesses: changes.witness === undefined ? new Map() : new Map([[`${RAW}-0`, changes.witness]]),
    members: changes.members ?? 0,
  };
}

const WITNESSED = [position(RAW, 20n, { witness: { offset: 19n, digest: 7n } })];

test.each<[string, LogFacts, string, string | RegExp]>([
  ["the log of the data store", facts(), "ok", "nothing"],
  ["the same, with the last loaded record", facts({ positions: WITNESSED, witness: 7n }), "ok", ""],
  [
    "a beginning that was accepted",
    facts({ raw: { low: 5n, high: 30n }, positions: [position(RAW, 20n, { logStart: 5n })] }),
    "ok",
    "nothing",
  ],
  [
    "a new data store and a new log",
    facts({ boundTo: null, identity: identityOf("log", null), positions: [] }),
    "ok",
    "bind",
  ],
  [
    "an empty data store takes over a log that nobody consumes",
    facts({ boundTo: null, identity: identityOf("log", "other"), positions: [] }),
    "ok",
    "bind",
  ],
  [
    "an upgraded data store, whose log has lost its beginning long ago",
    facts({ boundTo: null, identity: identityOf("log", null), raw: { low: 5n, high: 30n } }),
    "ok",
    "bind",
  ],
  [
    "the event of the binding was lost",
    facts({ identity: identityOf("log", null) }),
    "ok",
    "bind",
  ],
  [
    "an empty data store on a log that another one consumes",
    facts({ boundTo: null, identity: identityOf("log", "other"), positions: [], members: 1 }),
    "taken",
    /bound to data store other .* this is data store mine/,
  ],
  [
    "an empty data store on a log that an older version consumes",
    facts({ boundTo: null, identity: identityOf("log", null), positions: [], members: 2 }),
    "taken",
    /2 member\(s\)/,
  ],
  [
    "another data store has taken the log",
    facts({ identity: identityOf("log", "other") }),
    "taken",
    /data store other/,
  ],
  [
    "an upgraded data store on the log of another",
    facts({ boundTo: null, identity: identityOf("log", "other") }),
    "taken",
    /data store other/,
  ],
  [
    "another log with records",
    facts({ identity: identityOf("new", null) }),
    "another",
    /built from log log .* this is log new; .*raw has 30 record\(s\); the data store has loaded 20/,
  ],
  ["a log without identity", facts({ identity: null }), "another", /no identity/],
  [
    "a new, empty log",
    facts({
      identity: identityOf("new", null),
      raw: { low: 0n, high: 0n },
      runs: { low: 0n, high: 0n },
    }),
    "emptied",
    /this is log new; .*raw has 0 record\(s\); the data store has loaded 20/,
  ],
  [
    "all records deleted",
    facts({ raw: { low: 30n, high: 30n } }),
    "emptied",
    /raw-0 has no records \(it is at 30\), the database is at 20/,
  ],
  [
    "a topic deleted and created again",
    facts({ raw: { low: 0n, high: 0n } }),
    "emptied",
    /raw-0 has no records/,
  ],
  [
    "an older copy",
    facts({ raw: { low: 0n, high: 12n } }),
    "shorter",
    /raw-0 ends at 12, the database is at 20: 8 record\(s\) are missing/,
  ],
  [
    "the beginning deleted",
    facts({ raw: { low: 5n, high: 30n } }),
    "truncated",
    /raw-0: offsets 0 to 4 are no longer in the log$/,
  ],
  [
    "the beginning deleted, with records that were never loaded",
    facts({ raw: { low: 25n, high: 30n } }),
    "truncated",
    /offsets 0 to 24 are no longer in the log; 5 of them were never loaded/,
  ],
  [
    "an upgraded data store, whose next records are gone",
    facts({ boundTo: null, identity: identityOf("log", null), raw: { low: 25n, high: 30n } }),
    "truncated",
    /never loaded/,
  ],
  [
    "a topic written again past the loaded offsets",
    facts({ positions: WITNESSED, witness: 8n }),
    "diverged",
    /another record at offset 19/,
  ],
  [
    "no record where one was loaded",
    facts({ positions: WITNESSED, witness: null }),
    "diverged",
    /no record at offset 19/,
  ],
  [
    "a copy with the same offsets",
    facts({ identity: identityOf("copy", null, [copied("log", [0n, 25n], [0n, 25n])]) }),
    "ok",
    "move",
  ],
  [
    "a copy with other offsets, everything loaded",
    facts({
      identity: identityOf("copy", null, [copied("log", [5n, 20n], [0n, 15n])]),
      positions: [position(RAW, 20n), position(RUNS, 20n)],
    }),
    "ok",
    "move",
  ],
  [
    "a copy with other offsets, not everything loaded",
    facts({
      identity: identityOf("copy", null, [copied("log", [5n, 25n], [0n, 20n])]),
    }),
    "another",
    /raw-0: the copy has other offsets/,
  ],
  [
    "a copy that was made before the last records were loaded",
    facts({ identity: identityOf("copy", null, [copied("log", [0n, 15n], [0n, 15n])]) }),
    "another",
    /raw-0: offsets 0 to 15 were copied, the database is at 20/,
  ],
  [
    "a copy that another data store took",
    facts({ identity: identityOf("copy", "other", [copied("log", [0n, 25n], [0n, 25n])]) }),
    "taken",
    /data store other/,
  ],
  [
    "a copy of a third log",
    facts({ identity: identityOf("copy", null, [copied("third", [0n, 25n], [0n, 25n])]) }),
    "another",
    /this is log copy/,
  ],
])("%s", (_, given, kind, expected) => {
  const verdict = judgeLog(given);
  expect(verdict.kind).toBe(kind);
  const text = verdict.kind === "ok" ? verdict.settle.type : verdict.found.join("; ");
  expect(text).toMatch(expected);
});

test("topics of which neither the log nor the data store has any record are left out", () => {
  const found = (changes: Parameters<typeof facts>[0]) => {
    const verdict = judgeLog(facts({ identity: identityOf("other", null), ...changes }));
    return verdict.kind === "ok" ? [] : verdict.found.slice(1);
  };
  const empty = { low: 0n, high: 0n };
  const noRuns = [position(RAW, 20n), position(RUNS, 0n)];
  expect(found({ runs: empty, positions: noRuns })).toEqual([
    `${RAW} has 30 record(s); the data store has loaded 20`,
  ]);
  // What only one side has is what there is to say.
  expect(found({ runs: empty })).toEqual([
    `${RAW} has 30 record(s); the data store has loaded 20`,
    `${RUNS} has 0 record(s); the data store has loaded 9`,
  ]);
  const none = [position(RAW, 0n), position(RUNS, 0n)];
  expect(found({ raw: empty, runs: empty, positions: none })).toEqual([
    "the log has no records; the data store has loaded none",
  ]);
});
