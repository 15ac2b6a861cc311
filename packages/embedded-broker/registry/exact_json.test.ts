/**
 * JSON that is written exactly as it was read.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { kindOf, parseExactJson } from "./exact_json.ts";

test("any JSON is written as it was read, except for its white space", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const written = JSON.stringify(parseExactJson(text));
      expect(JSON.parse(written)).toEqual(JSON.parse(text));
      expect(JSON.stringify(parseExactJson(written))).toBe(written);
    }),
  );
});

test("numbers keep their digits", () => {
  for (const text of ["9223372036854775807", "1.0", "1e400", "-0", "0.1000", "1E+2"]) {
    expect(JSON.stringify(parseExactJson(`[${text}]`))).toBe(`[${text}]`);
  }
});

test("keys may be any text", () => {
  const text = '{"__proto__":{"a":1},"constructor":[],"":null}';
  expect(JSON.stringify(parseExactJson(text))).toBe(text);
  expect(({} as Record<string, unknown>).a).toBeUndefined();
});

test("nesting is limited, and brackets inside strings do not count", () => {
  expect(() => parseExactJson("[".repeat(201) + "]".repeat(201))).toThrow("nested more than 200");
  expect(() => parseExactJson("[".repeat(200) + "]".repeat(200))).not.toThrow();
  expect(() => parseExactJson(JSON.stringify(`"${"[".repeat(1_000)}\\`))).not.toThrow();
  expect(() => parseExactJson(`"${"[".repeat(1_000)}`)).toThrow(SyntaxError);
});

test("kinds are described in a few words, however long the value", () => {
  const named = (text: string) => kindOf(parseExactJson(text));
  expect([
    named("null"),
    named("true"),
    named("1.50"),
    named("[]"),
    named("{}"),
    named('"a"'),
    kindOf(undefined),
  ]).toEqual([
    "null",
    "true",
    "the number 1.50",
    "an array",
    "an object",
    'the string "a"',
    "nothing",
  ]);
  expect(named("9".repeat(100_000)).length).toBeLessThan(100);
  expect(named(`"${"a".repeat(100_000)}"`).length).toBeLessThan(100);
});
