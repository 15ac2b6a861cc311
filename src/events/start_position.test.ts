import { expect, test } from "vitest";
import { startPosition } from "./start_position.ts";

test.each([
  ["nothing stored: from the beginning of the log", null, { low: 0n, high: 9n }, 0n],
  [
    "nothing stored, old records deleted: from the first record left",
    null,
    { low: 4n, high: 9n },
    4n,
  ],
  ["stored inside the log: from there", 5n, { low: 0n, high: 9n }, 5n],
  ["stored at the end: nothing to read yet", 9n, { low: 0n, high: 9n }, 9n],
  ["stored at the beginning of a truncated log: from there", 4n, { low: 4n, high: 9n }, 4n],
])("%s", (_, stored, watermarks, offset) => {
  expect(startPosition("t-0", stored, watermarks)).toBe(offset);
});

test.each([
  ["log cut beyond the stored offset", 2n, { low: 4n, high: 9n }],
  ["log ends before the stored offset", 12n, { low: 0n, high: 9n }],
])("%s: reading does not start", (_, stored, watermarks) => {
  expect(() => startPosition("t-0", stored, watermarks)).toThrow(
    `t-0: the database is at offset ${stored}, but the log has offsets ${watermarks.low} to 9`,
  );
});
