/** When lines count as unchanged, and how long the consumer is waited for. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { OwnRecords } from "../../src/events/own_records.ts";
import { HEADERS, TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { extractFile } from "../../src/producer/extract_file.ts";
import { UnchangedRows } from "../../src/producer/unchanged_rows.ts";
import { decodeTrajectoryIds } from "../../src/wire_format/trajectory_ids.ts";
import { away, createLoadedLog, type LoadedLog } from "./loaded_log.ts";
import { idsOf, rowLines, summaryText } from "./summary_text.ts";

const LINES = rowLines(40);
const at = (hour: number) => new Date(Date.UTC(2026, 10, 23, hour)).toISOString();
let log: LoadedLog;
beforeAll(async () => {
  log = await createLoadedLog();
});
beforeEach(() => log.empty());
afterAll(() => log[Symbol.asyncDispose]());

async function* inChunks(text: string): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += 3000) yield bytes.slice(at, at + 3000);
}
async function extract(lines: readonly string[], hour: number, unchanged = log.unchanged) {
  const file = "daily/x.txt";
  const chunks = inChunks(summaryText(lines, at(hour)));
  const options = { runId: `run-${hour}`, file, chunks, portionRows: 100, unchangedRows: 100 };
  return (await extractFile({ ...options, unchanged }, log.publisher)).rows;
}
const sizes = () => log.records.map((records) => records.length);
const confirmed = () =>
  log.records.flat().flatMap(({ headers }) => {
    const ids = headers?.[HEADERS.unchanged];
    return ids === undefined ? [] : [decodeTrajectoryIds(ids as Uint8Array)];
  });

describe("what the database has loaded", () => {
  beforeEach(async () => {
    expect(await extract(LINES, 1)).toMatchObject({ read: 40, published: 40, unchanged: 0 });
    await log.load();
  });

  test("is not published again: one record of each partition stands for it", async () => {
    const before = sizes();
    expect(await extract(LINES, 2)).toEqual({ read: 40, published: 0, unchanged: 40, rejected: 0 });
    expect(sizes()).toEqual(before.map((n) => n + 1));
    expect(confirmed().flat().toSorted()).toEqual(idsOf(LINES).toSorted());
  });

  test("is recognised by its values when its line was written differently", async () => {
    const spaced = LINES.map((line) => line.replace(/;( *)/g, ";$1 "));
    expect(await extract(spaced, 2)).toMatchObject({ published: 0, unchanged: 40 });
  });

  test("is published when the file has no generation: nothing says that this reading is newer", async () => {
    const text = summaryText(LINES, at(2)).split("\n").slice(1).join("\n");
    const { rows } = await extractFile({
      runId: "run",
      file: "upload/x.txt",
      chunks: inChunks(text),
      unchanged: log.unchanged,
    }, log.publisher);
    expect(rows).toMatchObject({ published: 40, unchanged: 0 });
  });

  test("is published, all its lines in order, when one line of the trajectory has changed", async () => {
    const [line] = LINES;
    const other = line!.replace(/;  *[\d.]+(;[^;]*;[^;]*;[^;]*;[^;]*;[^;]*)$/, ";   9.99$1");
    expect(other).not.toBe(line);
    const before = sizes();
    const rows = await extract([line!, other, ...LINES.slice(1), line!], 2);
    expect(rows).toMatchObject({ read: 42, published: 3, unchanged: 39 });
    expect(sizes().reduce((a, b) => a + b)).toBe(before.reduce((a, b) => a + b) + 3 + 3);
  });
});

describe("while the consumer is behind", () => {
  test("it is waited for if it runs", async () => {
    await extract(LINES, 1);
    await log.load(3);
    // A start of the process: what is in the log may be of anybody.
    log.restart();
    log.follows = true;
    expect(await extract(LINES, 2)).toMatchObject({ published: 40 - 9, unchanged: 9 });
    log.follows = false;
  });

  test("rows that the process has published itself are published again, others are not", async () => {
    await extract(LINES.slice(0, 20), 1);
    await log.load();
    await extract(LINES.slice(20), 1);
    expect(await extract(LINES, 2)).toMatchObject({ published: 20, unchanged: 20 });
  });

  test("and stands still, everything is published, and nobody waits a second time", async () => {
    await extract(LINES, 1);
    await log.load();
    log.append(log.records[0]![0]!);
    log.append(log.records[1]![0]!);
    log.append(log.records[2]![0]!);
    expect(await extract(LINES, 2)).toMatchObject({ published: 40, unchanged: 0 });
  });
});

describe("without an answer", () => {
  const sources = { find: away, loaded: away, ends: away };
  test.each(["find", "loaded", "ends"] as const)("of %s, rows are published", async (what) => {
    await extract(LINES, 1);
    await log.load();
    // Something of another process that is not loaded, so that the database is asked for its offsets too.
    if (what === "loaded") { for (const [first] of log.records) log.append(first!); }
    const { options } = log;
    const unchanged = new UnchangedRows({
      ...options(),
      [what]: () => Promise.reject(sources[what]()),
    });
    expect(await extract(LINES, 2, unchanged)).toMatchObject({ published: 40, unchanged: 0 });
  });

  test("of the broker, what was appended without an acknowledgement is not published twice", async () => {
    await extract(LINES, 1);
    await log.load();
    log.follows = true;
    let isLost = false;
    log.fault = (when) => {
      if (when === "after" && !isLost) {
        isLost = true;
        throw away();
      }
    };
    expect(await extract(LINES, 2)).toMatchObject({ published: 0, unchanged: 40 });
    expect(confirmed()).toHaveLength(6);
    log.follows = false;
  });
});

test("a record that was published and loaded between two answers is noticed for lines of the first", async () => {
  const own = new OwnRecords(TRAJECTORY_SUMMARY_RAW);
  let end = 10n;
  const offsets = () => Promise.resolve(new Map([[0, end]]));
  const unchanged = new UnchangedRows({
    find: async (marks) => ({ offsets: await offsets(), lines: marks.map(() => "same" as const) }),
    loaded: offsets,
    ends: offsets,
    own,
  });
  const mark = { id: "a", digest: 1n };
  const line = { ...mark, partition: 0, value: null, answer: (await unchanged.ask([mark]))! };
  const noted = own.note(TRAJECTORY_SUMMARY_RAW, [{ key: "a", value: null }], () => 0)!;
  noted.appended(0, { first: end, next: ++end });
  noted.acknowledged();
  await unchanged.ask([{ id: "b", digest: 2n }]);
  const changed = await unchanged.settle([line]);
  expect(changed.has(line) || unchanged.isOverwritten(line)).toBe(true);
});
