import { expect, test } from "vitest";
import { clock, drawBar } from "./progress_bar.ts";

test.each([
  [0, 10, "[------------------------]   0 %"],
  [5, 10, "[############------------]  50 %"],
  [10, 10, "[########################] 100 %"],
  [11, 10, "[########################] 100 %"],
  [999, 1000, "[########################]  99 %"],
])("%i of %i", (done, total, bar) => expect(drawBar({ done, total })).toBe(bar));

test.each([[null], [0]])(
  "a total of %s draws no bar",
  (total) => expect(drawBar({ done: 1, total })).toBe(""),
);

test.each([[5, "0:05"], [65, "1:05"], [7384, "2:03:04"]])(
  "%i seconds are %s",
  (seconds, text) => expect(clock(seconds)).toBe(text),
);
