import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isIdentifier, MALFORMED, MISSING, readFlag, readNumber, readTime } from "./cell.ts";
import { expectSeen } from "../../tests/support/canary.ts";

type Reader<Value> = (bytes: Uint8Array, start: number, end: number) => Value;

/** Reads a cell that stands between others, so that a reader that looks beyond its ends fails the test. */
function inCell<Value>(read: Reader<Value>, text: string): Value {
  const bytes = new TextEncoder().encode(`9${text}9`);
  return read(bytes, 1, bytes.length - 1);
}
const number = (text: string) => inCell(readNumber, text);
const time = (text: string) => inCell(readTime, text);

describe("readNumber", () => {
  test.each([
    ["0", 0],
    ["-1", -1],
    ["+57.61234", 57.61234],
    ["-0.087", -0.087],
    ["3.80e-04", 3.8e-4],
    ["1.4e+04", 14000],
    ["-1.2345E3", -1234.5],
    ["5.", 5],
    [".5", 0.5],
    ["2459643.422013203148", 2459643.422013203148],
    ["0.1", 0.1],
    ["9007199254740993", 9007199254740992],
    ["123456789012345678901234567890", 123456789012345678901234567890],
    ["1e22", 1e22],
    ["1e23", 1e23],
    ["4.9e-324", 5e-324],
    ["1e-400", 0],
    ["0000000000000000000000.5", 0.5],
  ])("reads %s", (text, value) => expect(number(text)).toBe(value));

  test("keeps the sign of zero", () => expect(number("-0.00000")).toBe(-0));

  test.each(["None", "none", "NONE", "nan", "NaN", "+nan", "-nan", "inf", "-inf", "+Infinity"])(
    "%s is missing",
    (text) => expect(number(text)).toBe(MISSING),
  );

  test.each([
    "",
    "abc",
    "1.2.3",
    "1 2",
    "--1",
    "+-1",
    "1e",
    "1e+",
    "1e1.5",
    "e5",
    ".",
    "-",
    "0x10",
    "1_000",
    "1,5",
    "+None",
    "nano",
    "1e999",
    "-1e999",
    "1f",
  ])("%j is malformed", (text) => expect(number(text)).toBe(MALFORMED));

  /** The result of JavaScript's own parsing, behind a strict grammar. */
  function oracle(text: string): number {
    if (/^([+-]?(nan|inf|infinity)|none)$/i.test(text)) return MISSING;
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return MALFORMED;
    const value = Number(text);
    return Number.isFinite(value) ? value : MALFORMED;
  }

  // As a summary file prints its numbers: 0 (an eccentricity) or a few digits before the point, and up to twelve after it.
  const ofAFile = fc.tuple(
    fc.constantFrom("", "-", "+"),
    fc.oneof(fc.constant(0), fc.nat(9), fc.nat(9999)),
    fc.stringMatching(/^\d{1,12}$/),
  ).map(([sign, whole, fraction]) => `${sign}${whole}.${fraction}`);
  const printed = fc.double({ noDefaultInfinity: true, noNaN: true }).chain((value) =>
    fc.constantFrom(
      value.toExponential(),
      value.toExponential(4),
      ...(Math.abs(value) < 1e20
        ? [value.toFixed(12), value.toFixed(6), `+${Math.abs(value).toFixed(5)}`]
        : []),
    )
  );
  const anyDigits = fc.tuple(
    fc.constantFrom("", "-", "+"),
    fc.stringMatching(/^\d{0,22}$/),
    fc.constantFrom("", "."),
    fc.stringMatching(/^\d{0,22}$/),
    fc.constantFrom("", "e", "E-", "e+"),
    fc.stringMatching(/^\d{0,3}$/),
  ).map((parts) => parts.join(""));
  const looksLikeOne = fc.string({
    unit: fc.constantFrom(..."0123456789+-.eEnaifNo t;\0é"),
    maxLength: 12,
  });

  const agrees = (read: (text: string) => number) =>
    fc.property(fc.oneof(ofAFile, printed, anyDigits, looksLikeOne), (text) => {
      expect(read(text)).toBe(oracle(text));
    });

  test("is the nearest double of any text, like Number", () => {
    fc.assert(agrees(number), { numRuns: 5000 });
  });

  test("canary: a reader that rounds twice is detected", () => {
    const roundsTwice = (text: string) => {
      const match = /^([+-]?)(\d+)\.(\d+)$/.exec(text);
      if (match === null) return oracle(text);
      const value = Number(match[2]) + Number(match[3]) * 10 ** -match[3].length;
      return match[1] === "-" ? -value : value;
    };
    expectSeen(agrees(roundsTwice), { numRuns: 5000 });
  });
});

describe("readFlag", () => {
  test.each([
    ["True", 1],
    ["False", 0],
    ["None", MISSING],
    ["nan", MISSING],
    ["", MALFORMED],
    ["1", MALFORMED],
    ["Truee", MALFORMED],
  ])("%j", (text, value) => expect(inCell(readFlag, text)).toBe(value));
});

describe("readTime", () => {
  test.each([
    ["2022-03-04 22:07:41.940752", 1646431661940752],
    ["2022-03-04 22:07:41", 1646431661000000],
    ["2022-03-04 22:07:41.5", 1646431661500000],
    ["2022-03-04 22:07:41.000001", 1646431661000001],
    ["2022-03-04T22:07:41.940752Z", 1646431661940752],
    ["2022-03-04 22:07:41.940752+00:00", 1646431661940752],
    ["1970-01-01 00:00:00", 0],
    ["1969-12-31 23:59:59.999999", -1],
    ["2000-02-29 12:00:00", 951825600000000],
    ["2022-03-04 22:07:60", 1646431680000000],
    ["2022-03-04 22:07:60.000000", 1646431680000000],
    ["2016-12-31 23:59:60.5", 1483228800500000],
  ])("reads %s", (text, micros) => expect(time(text)).toBe(micros));

  test.each(["0001-01-01 00:00:00", "0001-01-01 00:00:00.000001", "None", "nan"])(
    "%s is missing: the source could not compute it",
    (text) => expect(time(text)).toBe(MISSING),
  );

  test.each([
    "",
    "2022-03-04",
    "2022-03-04 22:07",
    "2022-03-04 22:07:41.",
    "2022-03-04 22:07:41.1234567",
    "2022-03-04 22:07:41+05:00",
    "2022-03-04 22:07:41 UTC",
    "2022-02-29 00:00:00",
    "1900-02-29 00:00:00",
    "2022-13-01 00:00:00",
    "2022-00-10 00:00:00",
    "2022-04-31 00:00:00",
    "2022-04-00 00:00:00",
    "2022-03-04 24:00:00",
    "2022-03-04 00:60:00",
    "2022-03-04 00:00:61",
    "22-03-04 22:07:41.940752",
    "0002-01-01 00:00:00",
    "1827-12-31 23:59:59",
    "2112-01-01 00:00:00",
    "9999-01-01 00:00:00",
    "2022/03/04 22:07:41",
  ])("%j is malformed", (text) => expect(time(text)).toBe(MALFORMED));

  test("is exact to the microsecond, whatever the time", () => {
    const first = Date.UTC(1828, 0, 1) / 1000, last = Date.UTC(2112, 0, 1) / 1000 - 1;
    fc.assert(fc.property(
      fc.integer({ min: first, max: last }),
      fc.integer({ min: 0, max: 999_999 }),
      (seconds, micros) => {
        const [day, clock] = new Date(seconds * 1000).toISOString().slice(0, 19).split("T");
        const fraction = micros === 0 ? "" : `.${String(micros).padStart(6, "0")}`;
        expect(BigInt(time(`${day} ${clock}${fraction}`)))
          .toBe(BigInt(seconds) * 1_000_000n + BigInt(micros));
      },
    ));
  });
});

describe("isIdentifier", () => {
  test.each([
    ["20220304220741_yrPTs", true],
    ["20220304220741_00000", true],
    ["20220304220741_yrPT", false],
    ["20220304220741_yrPTss", false],
    ["20220304220741-yrPTs", false],
    ["2022030422074x_yrPTs", false],
    ["20220304220741_yr-Ts", false],
    ["", false],
  ])("%j: %s", (text, is) => expect(inCell(isIdentifier, text)).toBe(is));
});
