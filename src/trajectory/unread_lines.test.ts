/** Lines that are split off and read later are what reading them at once gives. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { rowLines, summaryText } from "../../tests/producer/summary_text.ts";
import { type ReadRow, readSummaryFile, type RejectedLine } from "./read_summary_file.ts";

const LINES = rowLines(12);

/** Chunks in memory that is used again for the next chunk. */
async function* chunksOf(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const memory = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, at + size);
    memory.set(chunk);
    yield memory.subarray(0, chunk.length);
  }
}

/** Rows and rejected lines by line; with `unread`, the lines are read after the whole file. */
async function read(text: string, size: number, unread: boolean) {
  const found: (ReadRow | RejectedLine)[] = [];
  const later: (() => ReadRow | RejectedLine)[] = [];
  const ids: string[] = [];
  for await (const batch of readSummaryFile(chunksOf(text, size), { unread })) {
    found.push(...batch.rows, ...batch.rejected);
    if (unread) expect(batch.rows).toEqual([]);
    for (const line of batch.unread?.lines ?? []) {
      ids.push(line.id);
      later.push(() => batch.unread!.read(line));
    }
  }
  found.push(...later.map((readLine) => readLine()));
  return { found: found.toSorted((a, b) => a.line - b.line), ids };
}

test("in any file, cut into chunks anywhere", async () => {
  const broken = fc.constantFrom("no row", "", "  ", "x".repeat(17_000), "\x01", "# a comment");
  const line = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...LINES) }, broken, {
    weight: 1,
    arbitrary: fc.constantFrom(...LINES).map((line) => line.slice(0, 300)),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 50, max: 5000 }),
      async (lines, size) => {
        const text = summaryText([LINES[0]!, ...lines, LINES[1]!]);
        const [atOnce, later] = [await read(text, size, false), await read(text, size, true)];
        expect(later.found).toEqual(atOnce.found);
        const rows = atOnce.found.filter((one) => "summary" in one);
        expect(later.ids).toEqual(
          expect.arrayContaining(rows.map(({ summary }) => summary.unique_trajectory_identifier)),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test("a file whose first column is not the identifier is read at once", async () => {
  const text = summaryText(LINES);
  const moved = text.split("\n").map((line) => {
    const cells = line.replace(/^\r?#?/, "").split(";");
    if (cells.length < 10) return line;
    const mark = line.includes("#") ? "#" : "";
    return mark + [cells[1], cells[0], ...cells.slice(2)].join(";");
  }).join("\n");
  const { found, ids } = await read(moved, 4000, false);
  expect(found).toHaveLength(LINES.length);
  expect(ids).toEqual([]);
  const batches = [];
  for await (const batch of readSummaryFile(chunksOf(moved, 4000), { unread: true })) {
    batches.push(batch);
  }
  expect(batches.every(({ unread }) => unread === null)).toBe(true);
  expect(batches.flatMap(({ rows }) => rows)).toHaveLength(LINES.length);
});
