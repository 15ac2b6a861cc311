import { expect, test } from "vitest";
import { startPosition } from "./start_position.ts";

test.each([
  ["nothing stored: from the beginning of the log", null, { low: 0n, high: 9n }, 0n, null],
  [
    "nothing stored, old records deleted: from the first record left",
    null,
    { low: 4n, high: 9n },
    4n,
    null,
  ],
  ["stored inside the log: from there", 5n, { low: 0n, high: 9n }, 5n, null],
  ["stored at the end: nothing to read yet", 9n, { low: 0n, high: 9n }, 9n, null],
  [
    "log cut beyond the stored offset: from the first record left, with the problem reported",
    2n,
    { low: 4n, high: 9n },
    4n,
    /2 to 3/,
  ],
  [
    "log ends before the stored offset: all of it again",
    12n,
    { low: 0n, high: 9n },
    0n,
    /ends at 9/,
  ],
])("%s", (_, stored, watermarks, offset, problem) => {
  const start = startPosition(stored, watermarks);
  expect(start.offset).toBe(offset);
  if (problem === null) expect(start.problem).toBeNull();
  else expect(start.problem).toMatch(problem);
});
