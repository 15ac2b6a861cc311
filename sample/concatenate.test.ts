/** Concatenation compared with a line-by-line replica of the real writer's Python. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { concatenate } from "./concatenate.ts";
import { fileHeader, LINE_END } from "./format_row.ts";

const STAMP = { at: new Date("2026-11-24T06:10:00.500Z"), microseconds: 250 };

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sample-concatenate-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** `for line in open(path)`: universal newlines, each line with `\n` at its end except perhaps the last. */
function pythonLines(text: string): string[] {
  return text.replace(/\r\n?/g, "\n").match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** The loop of generateAutoPlotsAndReports, in the original order. */
function replay(monthlies: string[]): string {
  let out = "# Summary generated on 2026-11-24 06:10:00.500250+00:00 UTC\n\r";
  let headerWritten = false;
  let skippedSummaryDate = false;
  for (const monthly of monthlies) {
    for (const line of pythonLines(monthly)) {
      if (headerWritten) {
        if (line.startsWith("#")) continue;
      } else if (!skippedSummaryDate) {
        skippedSummaryDate = true;
        continue;
      }
      out += line;
    }
    headerWritten = true;
  }
  return out;
}

async function concatenated(monthlies: string[]): Promise<string> {
  const paths = monthlies.map((_, at) => join(directory, `${at}.txt`));
  await Promise.all(paths.map((path, at) => writeFile(path, monthlies[at] ?? "")));
  const target = join(directory, "all.txt");
  await concatenate(target, paths, STAMP);
  return await readFile(target, "latin1");
}

function monthly(generated: string, rows: string[]): string {
  return fileHeader({ at: new Date(generated), microseconds: 1 }) +
    rows.map((row) => row + LINE_END).join("");
}

test("equals what the real writer makes of its monthly files", async () => {
  const monthlies = [
    monthly("2022-03-17T00:06:00Z", ["a; 1", "b; 2"]),
    monthly("2022-03-17T00:07:00Z", ["c; 3"]),
    monthly("2026-11-24T00:07:00Z", []),
    monthly("2026-11-24T00:08:00Z", ["d; 4", "e; 5", "f; 6"]),
  ];
  const all = await concatenated(monthlies);
  expect(all).toBe(replay(monthlies));

  // The expected sections, written out without the replica.
  expect(all.match(/\r/g)?.length).toBe(1);
  expect(all.indexOf("\r")).toBe(all.indexOf("\n") + 1);
  expect(all).toContain("UTC\n\r\n#  Unique trajectory");
  expect(all).toContain("\n\na; 1\n\nb; 2\n\n\n\n\n\nc; 3\n\n");
  expect(all).toContain("\n\nc; 3\n\n" + "\n\n\n\n" + "\n\n\n\n" + "d; 4\n\n");
  expect(all.endsWith("f; 6\n\n")).toBe(true);
  expect(all.split("\n").filter((line) => line.startsWith("#")).length).toBe(4);
});

test("accepts every newline that Python accepts, also across chunk borders", async () => {
  const long = "x".repeat(65_530);
  for (let shift = 0; shift < 12; shift++) {
    const text = `# stamp\r\n# head\r\n${long}${"y".repeat(shift)}\r\nbetween\rlast\n\r`;
    expect(await concatenated([text, text])).toBe(replay([text, text]));
  }
});

test("of no files is only a stamp", async () => {
  expect(await concatenated([])).toBe(replay([]));
});
