import { expect, test } from "vitest";
import { describeLosses } from "./decide.ts";

const NONE = { all: 0, onlyInStore: 0 };

test("kinds of rows that the data store does not have are left out", () => {
  const found = { trajectories: { all: 4_014, onlyInStore: 12 }, runs: { all: 1, onlyInStore: 0 } };
  expect(describeLosses({ ...found, deadLetters: NONE })).toBe(
    "only the data store has (a rebuild from this log would lose them):\n" +
      "  trajectories  12 of 4,014\n" +
      "  runs          0 of 1\n",
  );
  expect(describeLosses({ trajectories: NONE, runs: NONE, deadLetters: NONE })).toBe(
    "the data store is empty: nothing is lost\n",
  );
});
