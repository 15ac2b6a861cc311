/** Tests the reader with generated files. fast-check prints seed and path of a failure; run it again with them. */
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PermanentError, TransientError } from "@gmn/failures";
import { expectSeen } from "../../tests/support/canary.ts";
import {
  fileText,
  headerLines,
  type LineEnds,
  row,
  rows,
  STAMP_LINE,
  withLineEnds,
} from "../../tests/support/summary_file.ts";
import { readWhole, type WholeFile } from "../../tests/support/read_whole.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** A file with rows, bad lines, blanks and comments in any order, in any style. */
const anyFile = fc.record({
  lines: fc.array(
    fc.oneof(
      fc.constantFrom(...rows(20)),
      fc.constantFrom("", "# remark; with a semicolon", "#", row({ f: "abc" }), "hello", "1; 2"),
      fc.constantFrom(headerLines()[0], headerLines()[1], STAMP_LINE),
      fc.constantFrom(row({ stations: "" }), row({ sigmaRaGeo: "None" }), row({ iauCode: "NAN" })),
    ),
    { minLength: 1, maxLength: 12 },
  ),
  ends: fc.constantFrom<LineEnds>("lf", "crlf", "lfcr", "yearly"),
}).map(({ lines, ends }) => fileText([...rows(1), ...lines], ends));

/** The part of the result that must not depend on how the file was cut into chunks. */
const content = ({ rows, rejected, end }: WholeFile) => ({ rows, rejected, end });

/** Lines that a person would call data, with their numbers. */
function dataLines(text: string): number[] {
  return text.split("\n").flatMap((line, i) => {
    const trimmed = line.replaceAll("\r", "").trim();
    return trimmed === "" || trimmed.startsWith("#") ? [] : [i + 1];
  });
}

describe("chunks", () => {
  const chunked = (read: (bytes: Uint8Array, cuts: number[]) => WholeFile) =>
    fc.property(anyFile, fc.array(fc.nat(30_000), { maxLength: 20 }), (text, cuts) => {
      const bytes = encode(text);
      const sorted = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
      expect(content(read(bytes, sorted))).toEqual(content(readWhole(bytes)));
    });

  test("may end anywhere", () => {
    fc.assert(chunked(readWhole), { numRuns: 200 });
  });

  test("may have one byte each", () => {
    const bytes = encode(fileText(rows(3)));
    const everywhere = Array.from({ length: bytes.length }, (_, i) => i);
    expect(content(readWhole(bytes, everywhere))).toEqual(content(readWhole(bytes)));
  });

  test("canary: a reader that loses a byte between chunks is detected", () => {
    const loses = (bytes: Uint8Array, cuts: number[]) =>
      readWhole(Uint8Array.from(bytes).filter((_, i) => i !== cuts[0]), cuts);
    expectSeen(chunked(loses), { numRuns: 200 });
  });
});

describe("line ends", () => {
  test("of any style give the same rows and rejects", () => {
    fc.assert(fc.property(fc.array(fc.constantFrom(...rows(5), "bad", "# c")), (lines) => {
      const read = (ends: LineEnds) => {
        const whole = readWhole(fileText([...rows(1), ...lines], ends));
        return [
          whole.rows.map((r) => r.summary),
          whole.rejected.map(({ reason, text }) => ({ reason, text })),
        ];
      };
      const expected = read("lf");
      for (const ends of ["crlf", "lfcr", "yearly"] as const) expect(read(ends)).toEqual(expected);
    }));
  });
});

describe("every data line", () => {
  test("is a row, a rejected line or the cut last one, with the line number that an editor shows", () => {
    fc.assert(fc.property(anyFile, fc.nat(400), (text, missing) => {
      const cut = missing === 0 ? text : text.slice(0, -missing);
      const read = readWhole(cut);
      const seen = [...read.rows, ...read.rejected].map((r) => r.line).sort((a, b) => a - b);
      const all = dataLines(cut);
      expect(read.end.cut ? [...seen, all.at(-1)] : seen).toEqual(all);
      expect(read.end.rows + read.end.rejected).toBe(seen.length);
    }));
  });
});

describe("a file cut at any byte", () => {
  for (const ends of ["lfcr", "yearly"] as const) {
    test(`${ends}: its complete lines are read, and resuming reads the rest`, () => {
      const text = withLineEnds([STAMP_LINE, ...headerLines(), ...rows(3)], ends);
      const bytes = encode(text);
      const whole = readWhole(bytes);
      const headerEnd = text.lastIndexOf("# ---") + 1000;
      for (let length = 0; length < bytes.length; length++) {
        let part: WholeFile;
        try {
          part = readWhole(bytes.subarray(0, length));
        } catch (error) {
          expect(error).toBeInstanceOf(TransientError);
          expect(length).toBeLessThan(headerEnd);
          continue;
        }
        expect(part.rejected).toEqual([]);
        expect(part.rows).toEqual(whole.rows.slice(0, part.rows.length));
        expect(text.slice(part.end.byteOffset, length).trim() !== "").toBe(part.end.cut);
        const last = part.batches.at(-1);
        if (last === undefined || length % 50 !== 0) continue;
        const resume = { ...last, lineNumber: last.lastLine };
        const rest = readWhole(bytes.subarray(last.byteOffset), [], resume);
        expect([...part.rows, ...rest.rows]).toEqual(whole.rows);
        expect(rest.end).toMatchObject({ cut: false, byteOffset: bytes.length });
      }
    });
  }
});

describe("hostile bytes", () => {
  /** Reads a file. Returns null if it threw an error of the kinds that the service knows. */
  function readOrRefuse(bytes: Uint8Array): WholeFile | null {
    try {
      return readWhole(bytes);
    } catch (error) {
      if (error instanceof PermanentError || error instanceof TransientError) return null;
      throw error;
    }
  }
  /** Asserts that no row has an impossible value. */
  function expectSound(read: WholeFile): void {
    for (const { summary } of read.rows) {
      expect(summary.unique_trajectory_identifier).toMatch(/^\d{14}_[A-Za-z0-9]{5}$/);
      for (const value of Object.values(summary)) {
        if (typeof value === "number") expect(Number.isFinite(value)).toBe(true);
      }
    }
    for (const { reason } of read.rejected) {
      expect(reason.length).toBeLessThan(400);
      // deno-lint-ignore no-control-regex
      expect(reason).not.toMatch(/[\0-\x1f]/);
    }
  }

  test("of any kind are refused with a message", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
      const read = readOrRefuse(bytes);
      if (read !== null) expectSound(read);
    }));
  });

  test("after a good header give rejected lines at worst", () => {
    const head = encode(fileText(rows(1)));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
      expectSound(readWhole(Buffer.concat([head, bytes])));
    }));
  });

  test("scattered over a file affect only the lines they hit", () => {
    const good = encode(fileText(rows(4)));
    const strewn = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(strewn, (hits) => {
        const bytes = Uint8Array.from(good);
        for (const [at, byte] of hits) bytes[at] = byte;
        const read = readOrRefuse(bytes);
        if (read !== null) expectSound(read);
      }),
      { numRuns: 500 },
    );
  });

  test("from two spliced files give no impossible value", () => {
    const good = encode(fileText(rows(4)));
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(good.length), (end, start) => {
        const read = readOrRefuse(Buffer.concat([good.subarray(0, end), good.subarray(start)]));
        if (read !== null) expectSound(read);
      }),
      { numRuns: 300 },
    );
  });
});
