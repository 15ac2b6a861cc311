import { describe, expect, test } from "vitest";
import { PermanentError, TransientError } from "@gmn/failures";
import { SummaryFormatError, UnfinishedSummaryError } from "./format_error.ts";
import {
  fileText,
  headerLines,
  type LineEnds,
  row,
  rows,
  STAMP_LINE,
  WIDTH,
  withLineEnds,
} from "../../tests/support/summary_file.ts";
import { BATCH_LINES_MAX, LINE_BYTES_MAX, SummaryReader } from "./summary_reader.ts";
import { readWhole } from "../../tests/support/read_whole.ts";

const ALL_COLUMNS = Array.from({ length: WIDTH }, (_, i) => i);
const ids = (text: string) =>
  readWhole(text).rows.map(({ summary }) => summary.unique_trajectory_identifier);

describe("line ends", () => {
  test.each<LineEnds>(["lf", "crlf", "lfcr", "yearly"])("%s: the same rows", (ends) => {
    const read = readWhole(fileText(rows(3), ends));
    expect(read.rejected).toEqual([]);
    expect(read.end).toMatchObject({ rows: 3, rejected: 0, cut: false });
    expect(read.rows.map((r) => r.summary)).toEqual(
      readWhole(fileText(rows(3), "lf")).rows.map((r) => r.summary),
    );
  });

  test.each<[LineEnds, number[]]>([
    ["lf", [5, 6, 7]],
    ["crlf", [5, 6, 7]],
    ["lfcr", [5, 6, 7]],
    // The stamp, and then each line followed by an empty one: 2, 4, 6 are the header, 8 is the first row.
    ["yearly", [8, 10, 12]],
  ])("%s: lines are numbered as in an editor that ends them at LF", (ends, lines) => {
    const text = fileText(rows(3), ends);
    expect(readWhole(text).rows.map((r) => r.line)).toEqual(lines);
    for (const line of lines) expect(text.split("\n")[line - 1]).toContain("20240812031415_");
  });

  test("empty and blank lines, and comments anywhere, are skipped", () => {
    const [a, b] = rows(2);
    const lines = ["", STAMP_LINE, "  ", ...headerLines(), "", a, "# a remark", "#", "", b, "   "];
    expect(ids(withLineEnds(lines, "lf"))).toHaveLength(2);
    expect(readWhole(withLineEnds(lines, "lf")).rows.map((r) => r.line)).toEqual([8, 12]);
  });

  test("a byte order mark and an indented comment do not matter", () => {
    expect(ids(`\ufeff${fileText(rows(1))}`)).toHaveLength(1);
    expect(ids(`  ${fileText(rows(1))}`)).toHaveLength(1);
  });
});

describe("headers", () => {
  test("the stamp applies to the rows, with or without an offset", () => {
    expect(readWhole(fileText(rows(1))).end.generatedAt?.toISOString())
      .toBe("2024-08-24T06:06:14.542Z");
    const unstamped = withLineEnds([...headerLines(), ...rows(1)], "lfcr");
    expect(readWhole(unstamped)).toMatchObject({ end: { generatedAt: null, rows: 1 } });
  });

  test("the same header again changes nothing", () => {
    const [a, b] = rows(2);
    const read = readWhole(
      withLineEnds([STAMP_LINE, ...headerLines(), a, STAMP_LINE, ...headerLines(), b], "lfcr"),
    );
    expect(read.batches).toHaveLength(1);
    expect(read.rows).toHaveLength(2);
  });

  test("another stamp in the middle applies to the rows after it", () => {
    const [a, b] = rows(2);
    const later = STAMP_LINE.replace("2024", "2025");
    const { batches } = readWhole(
      withLineEnds([STAMP_LINE, ...headerLines(), a, later, ...headerLines(), b], "lfcr"),
    );
    expect(batches.map((batch) => [batch.rows.length, batch.generatedAt?.getUTCFullYear()]))
      .toEqual([[1, 2024], [1, 2025]]);
  });

  test("another header in the middle applies to the rows after it", () => {
    const [a] = rows(1);
    const few = [85, 0, 78];
    const b = "HR0002; 20240812031415_after; 0.125";
    const text = withLineEnds([STAMP_LINE, ...headerLines(), a, ...headerLines(few), b], "lfcr");
    const read = readWhole(text);
    expect(read.rejected).toEqual([]);
    expect(read.rows[1].summary).toMatchObject({
      unique_trajectory_identifier: "20240812031415_after",
      f_param: 0.125,
      participating_stations: ["HR0002"],
      rageo_deg: null,
    });
    expect(read.batches.map((batch) => batch.header.columns.length)).toEqual([WIDTH, 3]);
  });

  test("a later header without identifiers refuses its rows, not the file; the next one is read again", () => {
    const [a, b, c] = rows(3);
    const lines = [
      ...[STAMP_LINE, ...headerLines(), a],
      ...[...headerLines(ALL_COLUMNS.slice(1)), b],
      ...[...headerLines(), c],
    ];
    const read = readWhole(withLineEnds(lines, "lf"));
    expect(read.rows.map((r) => r.line)).toEqual([5, 13]);
    expect(read.rejected).toEqual([{
      line: 9,
      reason: "the header has 85 columns and none of them is the unique trajectory identifier " +
        "(line 7)",
      field: null,
      text: b,
    }]);
  });

  test("unknown and missing columns are reported with each batch", () => {
    const columns = ALL_COLUMNS.filter((i) => i !== 35 && i !== 36);
    const [first, second, ruler] = headerLines(columns);
    const cells = row().split("; ").filter((_, i) => i !== 35 && i !== 36).join("; ");
    const text = withLineEnds(
      [STAMP_LINE, `${first}; Colour`, `${second}; nm`, ruler, `${cells}; 550`],
      "lf",
    );
    const { batches: [batch] } = readWhole(text);
    expect(batch.header.unknownColumns).toEqual(["Colour nm"]);
    expect(batch.header.missingColumns).toEqual(["b_deg", "sigma_14"]);
    expect(batch.rows[0].summary).toMatchObject({ b_deg: null, sigma_14: null, q_au: 0.950312 });
  });

  test("the 4-wide code of older files is the same header", () => {
    const old = fileText(rows(1)).replace("  IAU;   IAU;", "  IAU;  IAU;");
    expect(old).not.toBe(fileText(rows(1)));
    expect(readWhole(old).batches[0].header).toEqual(
      readWhole(fileText(rows(1))).batches[0].header,
    );
  });
});

function refusal(text: string): unknown {
  try {
    readWhole(text);
  } catch (error) {
    return error;
  }
  throw new Error("was read");
}

describe("files that can't be read", () => {
  test.each([
    "<!DOCTYPE html>\n<html>",
    "<html><body>502 Bad Gateway",
    " \n\n<?xml version='1.0'?>",
  ])(
    "a web page: %j",
    (text) => {
      const error = refusal(text);
      expect(error).toBeInstanceOf(SummaryFormatError);
      expect(error).toMatchObject({ problem: "html", hint: expect.stringContaining("browser") });
    },
  );

  test.each([85, 78])("the layout of %d columns, without identifiers", (width) => {
    const columns = ALL_COLUMNS.slice(WIDTH - width);
    const error = refusal(
      withLineEnds([STAMP_LINE, ...headerLines(columns), row().slice(22)], "lfcr"),
    );
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({
      name: "SummaryFormatError",
      problem: "no_identifier",
      message: expect.stringContaining(`${width} columns`),
      hint: expect.stringContaining("2022-03-16"),
    });
  });

  test.each([
    [row(), 'line 1 is data ("20240812031415_aB3xZ'],
    [`${row()}\n`, "line 1 is data"],
    [`${STAMP_LINE}\n\r${row()}\n\r`, "line 2 is data"],
    [`${STAMP_LINE}\n${headerLines()[0]}\n${row()}\n`, "line 3 is data"],
    ["\u0000\u0001PK", "line 1 is data"],
    ["x".repeat(3 * LINE_BYTES_MAX), "line 1 is data"],
  ])("data before a header", (text, message) => {
    expect(refusal(text)).toMatchObject({
      problem: "no_header",
      message: expect.stringContaining(message),
    });
  });

  test("lines that end in CR alone", () => {
    expect(
      refusal(
        withLineEnds([STAMP_LINE, ...headerLines(), ...rows(30)], "lf").replaceAll("\n", "\r"),
      ),
    )
      .toMatchObject({ problem: "no_header", message: expect.stringContaining("carriage return") });
  });

  test.each([
    ["", "the file is empty", false],
    ["\n\r", "the file ends after 2 bytes, inside its header", false],
    [STAMP_LINE.slice(0, 12), "inside its header", false],
    [withLineEnds([STAMP_LINE, ...headerLines().slice(0, 1)], "lfcr"), "inside its header", false],
    [withLineEnds([STAMP_LINE, ...headerLines()], "lfcr"), "before its first row", true],
  ])("a file that is not written yet: %#", (text, message, hasHeader) => {
    const error = refusal(text);
    expect(error).toBeInstanceOf(UnfinishedSummaryError);
    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ message: expect.stringContaining(message), hasHeader });
  });
});

describe("rejected lines", () => {
  test("do not stop the rest, and are kept unchanged", () => {
    const [a, b] = rows(2);
    const bad = row({ f: "abc" });
    const read = readWhole(withLineEnds([STAMP_LINE, ...headerLines(), a, bad, b, "…"], "lfcr"));
    expect(read.rows.map((r) => r.line)).toEqual([5, 7]);
    expect(read.rejected).toEqual([
      {
        line: 6,
        reason: 'column 79 (F param) says "abc", expected a number',
        field: "f_param",
        text: bad,
      },
      { line: 8, reason: `1 fields where the header has ${WIDTH} columns`, field: null, text: "…" },
    ]);
    expect(read.end).toMatchObject({ rows: 2, rejected: 2, cut: false });
  });

  test("that are not UTF-8 keep every byte, as Latin-1", () => {
    const head = new TextEncoder().encode(fileText(rows(1)));
    const read = readWhole(Uint8Array.from([...head, 0x41, 0xe9, 0xff, 0x42, 0x0a]));
    expect(read.rejected[0]).toMatchObject({ reason: "not UTF-8 text", text: "AéÿB" });
  });

  test("that are too long are counted, not buffered", () => {
    const reader = new SummaryReader();
    const encode = (text: string) => new TextEncoder().encode(text);
    const [a, b] = rows(2);
    expect([...reader.read(encode(fileText([a])))]).toHaveLength(1);
    const chunk = encode("x".repeat(1024 * 1024));
    for (let i = 0; i < 64; i++) expect([...reader.read(chunk)]).toEqual([]);
    const [{ rows: read, rejected, byteOffset, lastLine }] = reader.read(encode(`\n\r${b}\n`));
    expect(rejected).toEqual([{
      line: 6,
      reason: `line of ${64 * 1024 * 1024 + 1} bytes, at most ${LINE_BYTES_MAX} are read`,
      field: null,
      text: "x".repeat(LINE_BYTES_MAX - 1),
    }]);
    expect(read.map((r) => r.line)).toEqual([7]);
    expect(lastLine).toBe(7);
    expect(byteOffset).toBe(encode(fileText([a])).length + chunk.length * 64 + b.length + 3);
  });

  test("a line of exactly the maximum length is read, and one byte more is not, in one chunk or two", () => {
    const padded = (length: number) => row().padEnd(length, " ");
    for (const cut of [undefined, 1000]) {
      const read = (line: string) => readWhole(fileText([line], "lf"), cut);
      expect(read(padded(LINE_BYTES_MAX)).rows).toHaveLength(1);
      expect(read(padded(LINE_BYTES_MAX + 1)).rejected).toHaveLength(1);
    }
  });
});

describe("batches", () => {
  test("are one per chunk, and never larger than the limit", () => {
    const text = fileText(Array.from({ length: 2 * BATCH_LINES_MAX + 1 }, () => "bad"), "lf");
    const { batches, rejected } = readWhole(text);
    expect(batches.map((batch) => batch.rejected.length))
      .toEqual([BATCH_LINES_MAX, BATCH_LINES_MAX, 1]);
    expect(rejected).toHaveLength(2 * BATCH_LINES_MAX + 1);
  });

  test("a chunk in which no data line ends gives none", () => {
    const reader = new SummaryReader();
    const bytes = new TextEncoder().encode(fileText(rows(1)));
    expect([...reader.read(bytes.subarray(0, -100))]).toEqual([]);
    expect([...reader.read(new Uint8Array(0))]).toEqual([]);
    expect([...reader.read(bytes.subarray(-100))]).toHaveLength(1);
  });

  test("have their own values: the chunk's memory may be reused", () => {
    const reader = new SummaryReader();
    const bytes = new TextEncoder().encode(fileText(rows(2)));
    const batches = [...reader.read(bytes)];
    const before = JSON.stringify(batches);
    bytes.fill(0x2a);
    expect(JSON.stringify(batches)).toBe(before);
  });
});

describe("a last line without an end", () => {
  const whole = fileText(rows(2), "lf").slice(0, -1);

  test("is a row if nothing can be missing", () => {
    expect(readWhole(whole)).toMatchObject({
      rows: [{ line: 5 }, { line: 6 }],
      batches: [{ lastLine: 5 }, { lastLine: 6, byteOffset: whole.length }],
      end: { cut: false, byteOffset: whole.length },
    });
  });

  test.each([
    ["inside its last station", 1],
    ["between two stations", 7],
    ["before its stations", 20],
    ["long before", 500],
  ])("is cut %s, and not rejected", (_, missing) => {
    const text = whole.slice(0, -missing);
    expect(readWhole(text)).toMatchObject({
      rejected: [],
      end: { rows: 1, rejected: 0, cut: true, byteOffset: text.lastIndexOf("\n") + 1 },
    });
  });

  test("right after the header is a cut file too, without rows yet", () => {
    expect(readWhole(fileText(["2024"], "lf").slice(0, -1)).end)
      .toMatchObject({ rows: 0, rejected: 0, cut: true });
  });

  test.each([
    ["too many fields", "; 1", "87 fields"],
    ["a control character", "\0", "control character 0x00"],
  ])("is rejected for an error that no later reading can correct: %s", (_, end, reason) => {
    expect(readWhole(whole + end)).toMatchObject({
      rejected: [{ line: 6, reason: expect.stringContaining(reason) }],
      end: { rows: 1, rejected: 1, cut: false },
    });
  });

  test("that is a comment or blank does not count as cut", () => {
    for (const end of ["# bye", "\r", "  "]) {
      expect(readWhole(fileText(rows(1), "lf") + end).end).toMatchObject({ rows: 1, cut: false });
    }
  });
});
