import { describe, expect, test } from "vitest";
import type { TableDifference } from "../store/table_differences.ts";
import {
  describeDifferences,
  lossesByEnd,
  lossesInLog,
  lossesInTables,
  type PartitionRange,
} from "./rebuild_losses.ts";
import type { PartitionScan } from "./scan_log.ts";

const scan = (found: Partial<PartitionScan>): PartitionScan => ({
  topic: "raw",
  partition: 1,
  low: 0n,
  high: 100n,
  records: 100,
  tombstones: 0,
  gaps: [],
  unreadable: [],
  foreign: null,
  unknownSchemas: new Map(),
  ...found,
});
const range = (first: number, last: number) => ({ first: BigInt(first), last: BigInt(last) });
const losses = (found: Partial<PartitionScan>, covered: readonly PartitionRange[] = []) =>
  lossesInLog({ partitions: [scan(found)] }, { covered, compacted: new Set(["list"]) });
const inRaw = (first: number, last: number) => ({
  topic: "raw",
  partition: 1,
  ...range(first, last),
});

describe("a log loses something by", () => {
  test("nothing", () => expect(losses({})).toEqual([]));

  test("a lost beginning, unless the topic is compacted", () => {
    expect(losses({ low: 7n })).toEqual(["raw-1: offsets 0 to 6 are no longer in the log"]);
    expect(losses({ low: 7n, topic: "list" })).toEqual([]);
  });

  test("gaps and unreadable batches", () => {
    const unreadable = [
      { ...range(1, 4), reason: "damaged", writtenAt: null },
      { ...range(6, 6), reason: "torn", writtenAt: null },
    ];
    const gaps = [1, 11, 21, 31, 41, 51, 61].map((at) => range(at, at + 1));
    expect(losses({ unreadable, gaps })).toEqual([
      "raw-1: 2 record batches can't be read, offsets 1 to 4, offset 6: damaged",
      "raw-1: records are missing, offsets 1 to 2, offsets 11 to 12, offsets 21 to 22, offsets 31 to 32, offsets 41 to 42, 2 more",
    ]);
  });

  test("not by what was repaired, in one range or in several that follow each other", () => {
    const gaps = [range(10, 19)];
    expect(losses({ gaps }, [inRaw(10, 19)])).toEqual([]);
    expect(losses({ gaps }, [inRaw(15, 30), inRaw(0, 14)])).toEqual([]);
    expect(losses({ gaps }, [inRaw(10, 13), inRaw(15, 19)])).toHaveLength(1);
    expect(losses({ gaps }, [{ ...inRaw(10, 19), partition: 2 }])).toHaveLength(1);
  });

  test("an end before what is loaded", () => {
    expect(lossesByEnd([{ topic: "raw", partition: 0, loaded: 9n, high: 4n }])).toEqual([
      "raw-0: the data store has loaded a log up to offset 9, but this log ends at 4",
    ]);
  });
});

describe("the tables", () => {
  const table = (found: Partial<TableDifference>): TableDifference => ({
    table: "meteor",
    rowsBefore: 10,
    rowsAfter: 8,
    missing: 0,
    added: 0,
    changed: 0,
    examples: { missing: [], added: [], changed: [] },
    ...found,
  });

  test("lose rows that people look for", () => {
    const missing = { missing: 4, examples: { missing: ["a", "b"], added: [], changed: [] } };
    expect(lossesInTables([table(missing), table({ ...missing, table: "station" })])).toEqual([
      "4 of 10 trajectories of the data store are not in the log: a, b, …",
    ]);
  });

  test("differ, with numbers and examples", () => {
    const examples = { missing: ["a"], added: [], changed: ["c"] };
    expect(describeDifferences([table({}), table({ missing: 1, changed: 2, examples })])).toEqual([
      "meteor: 10 rows, 8 by the log; 1 not in the log (a), 2 with other values (c, …)",
    ]);
  });
});
