import { describe, expect, test } from "vitest";
import { foldRun } from "../../tests/support/fold_runs.ts";
import { RunCommandRefused } from "./run_decide.ts";
import type { RunEvent, Selection } from "./run_event.ts";
import { retrySelection } from "./retry_selection.ts";

const of = { runId: "r", at: new Date(0) };
const identity = { size_bytes: 1, etag: null, lastModified: null, listed: null };
const rows = { read: 0, published: 0, unchanged: 0, rejected: 0 };

/** A run of a, b and c, in which a was extracted, b failed and c was not reached. */
function runOf(end: RunEvent | null, selection: Selection = { year: 2024 }) {
  const events: RunEvent[] = [
    {
      type: "requested",
      ...of,
      kind: "backfill",
      selection,
      requestedBy: "http",
      idempotencyKey: null,
    },
    { type: "started", ...of, owner: "me" },
    { type: "planned", ...of, files: ["a", "b", "c"] },
    { type: "file_started", ...of, file: "a", identity },
    {
      type: "file_extracted",
      ...of,
      file: "a",
      identity,
      generatedAt: null,
      rows,
      nextOffsets: {},
    },
    { type: "file_failed", ...of, file: "b", reason: "gone" },
  ];
  return foldRun(end === null ? events : [...events, end])!;
}

describe("a retry", () => {
  test.each(["failed", "cancelled"] as const)("of a %s run selects the remaining files", (type) => {
    const state = runOf({ type, ...of, reason: "x" });
    expect(retrySelection(state)).toEqual({ retry: "r", files: ["b", "c"] });
  });

  test("of a run that failed before it was planned has the same selection", () => {
    const unplanned = { ...runOf({ type: "failed", ...of, reason: "x" }), files: null };
    expect(retrySelection(unplanned)).toEqual({ year: 2024 });
  });

  test("is refused for a run that is running, has no files left, or was an upload", () => {
    expect(() => retrySelection(runOf(null))).toThrow(RunCommandRefused);
    const state = runOf({ type: "cancelled", ...of, reason: "x" });
    const settled = new Map([...state.files!].filter(([file]) => file === "a"));
    expect(() => retrySelection({ ...state, files: settled })).toThrow(/took all/);
    const upload = runOf({ type: "failed", ...of, reason: "x" }, { upload: "mine.txt" });
    expect(() => retrySelection(upload)).toThrow(/was uploaded/);
  });
});
