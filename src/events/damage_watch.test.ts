import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import type { ConsumedRecord } from "./consumed_record.ts";
import { ALIKE_MAX, DamageWatch, FETCHES_MAX } from "./damage_watch.ts";

function record(offset: number, damage?: number | null): ConsumedRecord {
  const at = BigInt(offset);
  const bytes = Buffer.alloc(0);
  return {
    offset: at,
    timestamp: new Date(0),
    key: null,
    value: null,
    headers: {},
    size_bytes: 0,
    ...(damage === undefined ? {} : {
      unreadable: { firstOffset: at, lastOffset: at, writtenAt: null, reason: "", bytes, damage },
    }),
  };
}

test("intact batches, and unreadable ones with the right checksum, are taken at once", () => {
  expect(new DamageWatch().look([record(1), record(2, null)])).toBeNull();
});

test("gives up a batch after a few fetches with the same damage", () => {
  const watch = new DamageWatch();
  const fetch = [record(1), record(2, 7), record(3), record(4, 8)];
  for (let attempt = 1; attempt < ALIKE_MAX; attempt++) {
    expect(watch.look(fetch)).toMatchObject({ at: 1, attempt });
  }
  // All batches damaged in these fetches are given up together: none waits for another.
  expect(watch.look(fetch)).toBeNull();
  // A batch that was given up stays given up if the broker sends it again.
  expect(watch.look(fetch.slice(1))).toBeNull();
});

test("gives up a batch much later when its damage differs each time", () => {
  const watch = new DamageWatch();
  for (let attempt = 1; attempt < FETCHES_MAX; attempt++) {
    const again = watch.look([record(2, attempt)])!;
    expect(again.attempt).toBe(attempt);
    expect(again.delay_ms).toBeGreaterThan(0);
  }
  expect(watch.look([record(2, FETCHES_MAX)])).toBeNull();
});

test("counts from one again after an intact fetch", () => {
  const watch = new DamageWatch();
  expect(watch.look([record(2, 7)])).toMatchObject({ attempt: 1 });
  expect(watch.look([record(2)])).toBeNull();
  expect(watch.look([record(2, 7)])).toMatchObject({ attempt: 1 });
});
