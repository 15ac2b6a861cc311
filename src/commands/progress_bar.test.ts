import { expect, test } from "vitest";
import { clock, drawBar, fitted, lineOf } from "./progress_bar.ts";

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

test("says how much time is left, unless nothing goes on", () => {
  const state = { label: "reading", done: 1, total: 4, detail: "1/4 files" };
  expect(lineOf(state, 20)).toBe("reading  [######------------------]  25 %  1/4 files, 1:00 left");
  expect(lineOf({ ...state, label: "waits: a", waits: true }, 20)).toBe(
    "waits: a  [######------------------]  25 %  1/4 files",
  );
});

test.each([
  [undefined, "a long line"],
  [0, "a long line"],
  [12, "a long line"],
  [11, "a long li…"],
  [5, "a l…"],
])(
  "on a terminal of %s columns",
  (columns, shown) => expect(fitted("a long line", columns)).toBe(shown),
);
