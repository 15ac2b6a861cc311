import { expect, test } from "vitest";
import type { Observe } from "../observe/observe.ts";
import { unobserved } from "../observe/observe.ts";
import { type GroupOffset, GroupOffsets } from "./group_offsets.ts";

function collect(observe: Observe = unobserved, send?: () => Promise<void>) {
  const sent: GroupOffset[][] = [];
  const first = Promise.withResolvers<GroupOffset[]>();
  const offsets = new GroupOffsets(async (batch) => {
    sent.push(batch);
    first.resolve(batch);
    await send?.();
  }, { observe });
  return { offsets, sent, first: first.promise };
}

test("many offsets become one commit, of the latest of each partition", async () => {
  const { offsets, sent } = collect();
  offsets.stored("raw", 0, 5n);
  offsets.stored("raw", 1, 7n);
  offsets.stored("raw", 0, 6n);
  await offsets.commit();
  expect(sent).toEqual([[
    { topic: "raw", partition: 0, offset: "6" },
    { topic: "raw", partition: 1, offset: "7" },
  ]]);
  await offsets.commit();
  expect(sent).toHaveLength(1);
});

test("an offset is committed without being asked for", async () => {
  const { offsets, first } = collect();
  offsets.stored("raw", 2, 9n);
  expect(await first).toEqual([{ topic: "raw", partition: 2, offset: "9" }]);
});

test("a commit that fails is reported, and the next one is sent", async () => {
  const messages: unknown[] = [];
  const observe: Observe = (_, detail) => messages.push(detail);
  const { offsets, sent } = collect(observe, () => Promise.reject(new Error("not now")));
  offsets.stored("raw", 0, 5n);
  await offsets.commit();
  expect(messages).toEqual([{ level: "debug", message: "committing raw-0@5: not now" }]);
  offsets.stored("raw", 0, 6n);
  await offsets.commit();
  expect(sent.at(-1)).toEqual([{ topic: "raw", partition: 0, offset: "6" }]);
});
