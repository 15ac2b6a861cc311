/** One file from bytes to the log, with the real reader and the real encodings. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PermanentError, TransientError } from "@gmn/failures";
import { HEADERS } from "../../src/events/topics.ts";
import { createObserver, type ServiceEvent } from "../../src/observe/observe.ts";
import { CutFileError, extractFile } from "../../src/producer/extract_file.ts";
import type { Extraction, Progress } from "../../src/producer/extraction.ts";
import { createTrajectoryDecoder } from "../../src/trajectory/codec.ts";
import {
  readHeader,
  SummaryFormatError,
  UnfinishedSummaryError,
} from "../../src/trajectory/read_summary_file.ts";
import { TRAJECTORY_SCHEMA_TEXT } from "../../src/trajectory/schema.ts";
import { createMemoryLog, type MemoryLog } from "./memory_log.ts";
import { idsOf, rowLines, summaryText } from "./summary_text.ts";

const LINES = rowLines(300);
const TEXT = summaryText(LINES);
const STAMP = new Date("2026-11-23T00:10:00Z");

async function* inChunks(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

function extract(
  log: MemoryLog,
  text: string,
  options: Partial<Extraction> & { size?: number } = {},
) {
  const { size = 5000, ...more } = options;
  return extractFile(
    { runId: "run-1", file: "daily/x.txt", chunks: inChunks(text, size), portionRows: 25, ...more },
    log.publisher,
  );
}

describe("extractFile", () => {
  test("publishes every row once, in order, with its lineage, and counts", async () => {
    const log = createMemoryLog();
    const extracted = await extract(log, TEXT);
    expect(extracted).toEqual({
      generatedAt: STAMP,
      rows: { read: 300, published: 300, unchanged: 0, rejected: 0 },
      nextOffsets: Object.fromEntries(log.partitions.map((records, at) => [at, records.length])),
    });
    expect(log.ids().sort()).toEqual(idsOf(LINES).sort());
    for (const records of log.partitions) {
      const lines = records.map((record) => Number(record.headers?.[HEADERS.sourceLine]));
      expect(lines).toEqual([...lines].sort((a, b) => a - b));
    }
    const first = log.partitions.flat().find((record) => record.key === idsOf(LINES)[0]);
    expect(first?.headers).toEqual({
      [HEADERS.runId]: "run-1",
      [HEADERS.sourceFile]: "daily/x.txt",
      [HEADERS.sourceLine]: "5",
      [HEADERS.sourceGeneratedAt]: STAMP.toISOString(),
    });
    const decode = createTrajectoryDecoder(TRAJECTORY_SCHEMA_TEXT);
    expect(decode(first?.value ?? new Uint8Array()).unique_trajectory_identifier).toBe(first?.key);
  });

  test("reads before its event is on the log, and publishes after it", async () => {
    const log = createMemoryLog();
    const started = Promise.withResolvers<void>();
    const read = Promise.withResolvers<void>();
    const chunks = async function* () {
      yield* inChunks(TEXT, TEXT.length);
      read.resolve();
    };
    // All lines fit into a portion: nothing but the event is waited for.
    const extracting = extract(log, TEXT, {
      chunks: chunks(),
      portionRows: 1_000,
      started: started.promise,
    });
    await read.promise;
    await new Promise((resolve) => setImmediate(resolve));
    expect(log.ids()).toEqual([]);
    started.resolve();
    expect((await extracting).rows.published).toBe(300);
  });

  test("publishes nothing when its event can't be written", async () => {
    const log = createMemoryLog();
    const started = Promise.reject(new PermanentError("the journal refuses"));
    await expect(extract(log, TEXT, { started })).rejects.toThrow("the journal refuses");
    expect(log.ids()).toEqual([]);
    expect(log.deadLetters).toEqual([]);
  });

  test("sends lines that can't be read to the dead letters and goes on", async () => {
    const log = createMemoryLog();
    const lines = [...LINES.slice(0, 3), "this is; no row", ...LINES.slice(3)];
    const { rows } = await extract(log, summaryText(lines));
    expect(rows).toEqual({ read: 301, published: 300, unchanged: 0, rejected: 1 });
    expect(log.deadLetters).toMatchObject([{
      id: `file:daily/x.txt@${STAMP.toISOString()}#8`,
      stage: "read",
      run_id: "run-1",
      source_file: "daily/x.txt",
      source_line: 8,
      source_generated_at: STAMP.getTime() * 1000,
      text: "this is; no row",
    }]);
    expect(log.deadLetters[0].reason).not.toBe("");
  });

  test("tells of a file cut in a line, after publishing what is whole", async () => {
    const log = createMemoryLog();
    await expect(extract(log, TEXT.slice(0, -500))).rejects.toThrow(CutFileError);
    expect(log.ids()).toHaveLength(299);
    await expect(extract(log, "")).rejects.toThrow(UnfinishedSummaryError);
    await expect(extract(log, "<html><body>502</body></html>\n")).rejects.toThrow(
      SummaryFormatError,
    );
  });

  test("waits for a broker that is away, in order, and misses nothing", async () => {
    const log = createMemoryLog();
    let calls = 0;
    log.fault = (what, when) => {
      // Every third publish is refused, every fifth is taken and its acknowledgement lost.
      if (what !== "publish") return;
      if (when === "before" && ++calls % 3 === 0) throw new TransientError("away");
      if (when === "after" && calls % 5 === 0) throw new TransientError("no answer");
    };
    const { rows } = await extract(log, TEXT, { portionRows: 100 });
    expect(rows.published).toBe(300);
    expect(new Set(log.ids())).toEqual(new Set(idsOf(LINES)));
  });

  test("gives up what the broker refuses for good", async () => {
    const log = createMemoryLog();
    log.fault = () => {
      throw new PermanentError("record too large");
    };
    await expect(extract(log, TEXT)).rejects.toThrow("record too large");
  });

  test("never has two portions on their way, and reads no further than one ahead", async () => {
    const log = createMemoryLog();
    let open = 0;
    let most = 0;
    let published = 0;
    let read = 0;
    log.fault = async (_, when) => {
      if (when === "before") most = Math.max(most, ++open);
      else {
        await new Promise((resolve) => setImmediate(resolve));
        open--;
        published++;
      }
    };
    async function* counted() {
      for await (const chunk of inChunks(TEXT, 25_000)) {
        // A chunk is about a portion: one acknowledged or on its way for all but the last two read.
        expect(++read).toBeLessThanOrEqual(published + 3);
        yield chunk;
      }
    }
    await extract(log, TEXT, { chunks: counted() });
    expect(most).toBe(1);
  });

  test("goes on from any checkpoint to the same end, however the file was cut into chunks", async () => {
    const lines = [...LINES.slice(0, 99), "no row", ...LINES.slice(99)];
    const text = summaryText(lines);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 50, max: 20_000 }),
        fc.integer({ min: 1, max: 120 }),
        fc.nat(),
        async (size, portionRows, pick) => {
          const first = createMemoryLog();
          const told: { progress: Progress; ids: string[]; deadLetters: number }[] = [];
          const whole = await extract(first, text, {
            size,
            portionRows,
            progressInterval_ms: 0,
            onProgress: (progress) => {
              told.push({ progress, ids: first.ids(), deadLetters: first.deadLetters.length });
              return Promise.resolve();
            },
          });
          if (told.length === 0) return;
          const { progress, ids, deadLetters } = told[pick % told.length];
          const { checkpoint, rows, generatedAt } = progress;
          // At the checkpoint everything before it was acknowledged.
          expect(ids.length).toBeGreaterThanOrEqual(rows.published);
          expect(deadLetters).toBeGreaterThanOrEqual(rows.rejected);
          const { header } = await readHeader(inChunks(text, size));
          const second = createMemoryLog();
          const rest = await extract(second, text, {
            portionRows,
            chunks: inChunks(text.slice(checkpoint.byteOffset), size),
            resume: { point: { header, generatedAt, ...checkpoint }, rows },
          });
          expect(rest.rows).toEqual(whole.rows);
          expect(second.ids().length).toBe(300 - rows.published);
          expect(new Set([...ids, ...second.ids()])).toEqual(new Set(idsOf(LINES)));
        },
      ),
      { numRuns: 40 },
    );
  });

  test("ignores a stamp ahead of the clock, and says so", async () => {
    const log = createMemoryLog();
    const events: ServiceEvent[] = [];
    const observer = createObserver();
    observer.listen((event) => events.push(event));
    const begun = new Date(STAMP.getTime() - 24 * 3600_000);
    const text = summaryText([...LINES, "no row"]);
    const extracted = await extract(log, text, { begun, observe: observer.observe });
    expect(extracted).toMatchObject({ generatedAt: null, stampAhead: STAMP });
    const headers = log.partitions.flat().map(({ headers }) => Object.keys(headers!));
    expect(headers).toHaveLength(300);
    expect(headers.flat()).not.toContain(HEADERS.sourceGeneratedAt);
    expect(events.filter(({ name }) => name === "file.stamp_ignored")).toMatchObject([
      { detail: { file: "daily/x.txt", stamp: STAMP, ahead_ms: 24 * 3600_000 } },
    ]);
    // Another generation of the file with another bad line must not have the same dead letter.
    expect(log.deadLetters[0]!.id).toContain(STAMP.toISOString());

    const slightly = new Date(STAMP.getTime() - 10 * 60_000);
    expect(await extract(createMemoryLog(), TEXT, { begun: slightly })).toMatchObject({
      generatedAt: STAMP,
    });
  });

  test("ends at an abort", async () => {
    const log = createMemoryLog();
    const abort = new AbortController();
    const extracting = extract(log, TEXT, {
      signal: abort.signal,
      progressInterval_ms: 0,
      onProgress: () => Promise.resolve(abort.abort(new Error("cancelled"))),
    });
    await expect(extracting).rejects.toThrow("cancelled");
    expect(log.ids().length).toBeLessThan(300);
  });
});
