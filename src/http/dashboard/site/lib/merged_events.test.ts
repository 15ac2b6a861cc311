import { expect, test } from "vitest";
import { mergedEvents } from "./merged_events.js";

const recorded = (offset: string, at: string) => ({
  offset,
  at,
  name: "file_skipped",
  level: "info" as const,
  message: offset,
});
const live = (id: string, at: string) => ({
  id,
  at,
  name: "run.loaded",
  level: "info" as const,
  message: id,
  detail: { runId: "r" },
});

test("recorded and live events are one list, newest first", () => {
  const events = mergedEvents(
    [recorded("9", "2026-11-20T10:03:00Z"), recorded("7", "2026-11-20T10:01:00Z")],
    [live("b", "2026-11-20T10:04:00Z"), live("a", "2026-11-20T10:02:00Z")],
  );
  expect(events.map(({ id }) => id)).toEqual(["b", "offset-9", "a", "offset-7"]);
  expect(events[1]).not.toHaveProperty("offset");
});

test("a live event older than the page is left out; without recorded events all are included", () => {
  const old = live("old", "2026-11-20T09:00:00Z");
  expect(mergedEvents([recorded("7", "2026-11-20T10:00:00Z")], [old]).map(({ id }) => id))
    .toEqual(["offset-7"]);
  expect(mergedEvents([], [old])).toEqual([old]);
});
