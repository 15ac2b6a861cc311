import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import {
  type ReadBatch,
  readHeader,
  readSummaryFile,
  type ResumePoint,
  SummaryFormatError,
  UnfinishedSummaryError,
} from "./read_summary_file.ts";
import { fileText, rows } from "../../tests/support/summary_file.ts";
import { readWhole } from "../../tests/support/read_whole.ts";

/** Bytes from the beginning of a file that hold its whole header. */
const HEADER_BYTES = 8 * 1024;
const encode = (text: string) => new TextEncoder().encode(text);

/** A source that records whether it was closed. */
function source(bytes: Uint8Array, chunkBytes: number, from = 0) {
  const state = { closed: false, given: 0 };
  async function* chunks() {
    try {
      for (let at = from; at < bytes.length; at += chunkBytes) {
        state.given++;
        yield await Promise.resolve(bytes.slice(at, at + chunkBytes));
      }
    } finally {
      state.closed = true;
    }
  }
  return { state, chunks: chunks() };
}

async function collect(chunks: AsyncIterable<Uint8Array>, resume?: ResumePoint) {
  const reading = readSummaryFile(chunks, { resume });
  const batches: ReadBatch[] = [];
  for (;;) {
    const step = await reading.next();
    if (step.done === true) return { batches, end: step.value };
    batches.push(step.value);
  }
}

describe("readSummaryFile", () => {
  const bytes = encode(fileText(rows(50)));

  test("yields a batch per chunk, and at the end a summary of the file", async () => {
    const { chunks, state } = source(bytes, 8000);
    const { batches, end } = await collect(chunks);
    expect(batches.length).toBeLessThanOrEqual(state.given);
    expect(batches.flatMap((batch) => batch.rows)).toEqual(readWhole(bytes).rows);
    expect(end).toEqual({
      rows: 50,
      rejected: 0,
      cut: false,
      generatedAt: new Date("2024-08-24T06:06:14.542Z"),
      byteOffset: bytes.length,
    });
    expect(state.closed).toBe(true);
  });

  test("says with each batch where the file can be resumed", async () => {
    const { batches } = await collect(source(bytes, 8000).chunks);
    for (const { byteOffset, lastLine } of batches) {
      const before = new TextDecoder().decode(bytes.subarray(0, byteOffset));
      expect(before.endsWith("\n")).toBe(true);
      expect(before.split("\n").length - 1).toBe(lastLine);
    }
  });

  test("resumes after any batch, with the same lines and numbers", async () => {
    const all = (await collect(source(bytes, 8000).chunks)).batches;
    const lines = all.flatMap((batch) => batch.rows);
    for (const [index, batch] of all.entries()) {
      const resume = { ...batch, lineNumber: batch.lastLine };
      const rest = await collect(source(bytes, 3000, batch.byteOffset).chunks, resume);
      const before = all.slice(0, index + 1).flatMap((b) => b.rows);
      expect([...before, ...rest.batches.flatMap((b) => b.rows)]).toEqual(lines);
      expect(rest.end).toMatchObject({
        rows: 50 - before.length,
        byteOffset: bytes.length,
        generatedAt: batch.generatedAt,
      });
    }
  });

  test("resumes from a checkpoint's numbers, with the header read from the file's beginning", async () => {
    const [, batch] = (await collect(source(bytes, 8000).chunks)).batches;
    const head = await readHeader(source(bytes.slice(0, HEADER_BYTES), 1000).chunks);
    // A checkpoint is stored as JSON.
    const resume: ResumePoint = {
      header: JSON.parse(JSON.stringify(head.header)),
      generatedAt: head.generatedAt,
      byteOffset: batch.byteOffset,
      lineNumber: batch.lastLine,
    };
    const rest = await collect(source(bytes, 8000, batch.byteOffset).chunks, resume);
    expect(rest.batches[0].rows[0].line).toBe(batch.lastLine + 1);
    expect(rest.batches[0].header).toEqual(batch.header);
  });

  test("does not report a file as unfinished when there is nothing more to read", async () => {
    const { batches } = await collect(source(bytes, 1e6).chunks);
    const [last] = batches;
    const resume = { ...last, lineNumber: last.lastLine };
    expect((await collect(source(bytes, 1e6, last.byteOffset).chunks, resume)).end)
      .toMatchObject({ rows: 0, cut: false, byteOffset: bytes.length });
  });

  test("closes its source when it is left early", async () => {
    const { chunks, state } = source(bytes, 8000);
    for await (const batch of readSummaryFile(chunks)) {
      expect(batch.rows.length).toBeGreaterThan(0);
      break;
    }
    expect(state).toEqual({ closed: true, given: 1 });
  });

  test("closes its source when it refuses the file", async () => {
    const { chunks, state } = source(encode("<html>\n".repeat(5000)), 1000);
    await expect(collect(chunks)).rejects.toBeInstanceOf(SummaryFormatError);
    expect(state).toEqual({ closed: true, given: 1 });
  });

  test("passes on errors of the source", async () => {
    async function* broken() {
      yield bytes.slice(0, 9000);
      await Promise.resolve();
      throw new Error("connection reset");
    }
    const reading = readSummaryFile(broken());
    expect((await reading.next()).value).toMatchObject({ rejected: [] });
    await expect(reading.next()).rejects.toThrow("connection reset");
  });
});

describe("readHeader", () => {
  test("needs only the beginning, and closes the rest", async () => {
    const { chunks, state } = source(encode(fileText(rows(50))), HEADER_BYTES);
    const { header, generatedAt } = await readHeader(chunks);
    expect(header.columns).toHaveLength(86);
    expect(generatedAt?.toISOString()).toBe("2024-08-24T06:06:14.542Z");
    expect(state).toEqual({ closed: true, given: 1 });
  });

  test("refuses the files that the reader refuses", async () => {
    await expect(readHeader(source(encode("<html>\n"), 100).chunks))
      .rejects.toBeInstanceOf(SummaryFormatError);
    const cut = encode(fileText(rows(1)).slice(0, 500));
    await expect(readHeader(source(cut, 100).chunks)).rejects.toBeInstanceOf(
      UnfinishedSummaryError,
    );
    await expect(readHeader(source(new Uint8Array(0), 100).chunks)).rejects.toThrow("is empty");
  });
});

const REAL = new URL("../../../shared/data/", import.meta.url);
const NAME = "traj_summary_20220304_solrange_344.0-345.0";

async function text(name: string): Promise<string | null> {
  return await readFile(new URL(name, REAL), "utf8").catch(() => null);
}

describe("a real file", async () => {
  const [file, expected] = await Promise.all([text(`${NAME}.txt`), text(`${NAME}.expected.jsonl`)]);

  test.skipIf(file === null || expected === null)(
    "reads as the reference reader reads it (skipped where the file is unavailable)",
    () => {
      const read = readWhole(file!);
      const lines = expected!.trim().split("\n").map((line) => JSON.parse(line));
      expect(lines.length).toBeGreaterThan(500);
      expect(read.rejected).toEqual([]);
      expect(read.rows).toHaveLength(lines.length);
      for (const [i, line] of lines.entries()) {
        expect(read.rows[i].summary).toEqual(line);
      }
      expect(read.rows[0].line).toBe(5);
      expect(read.end.generatedAt?.toISOString()).toBe("2022-03-16T17:49:26.628Z");
    },
  );
});
