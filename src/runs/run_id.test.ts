import { expect, test } from "vitest";
import { isRunId, newRunId } from "./run_id.ts";

test("run ids are UUIDs of version 7 that contain their time", () => {
  const now_ms = Date.now() + 5000;
  const id = newRunId(now_ms);
  expect(isRunId(id)).toBe(true);
  expect(parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toBe(now_ms);
});

test("ids sort in the order of their creation, even within a millisecond or after the clock is set back", () => {
  const start_ms = Date.now() + 60_000;
  const ids = Array.from({ length: 20_000 }, (_, i) => newRunId(start_ms + (i % 2)));
  ids.push(newRunId(start_ms - 10_000));
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test("other texts are not run ids", () => {
  for (const text of ["", "x", crypto.randomUUID(), newRunId().toUpperCase(), `${newRunId()} `]) {
    expect(isRunId(text)).toBe(false);
  }
});
