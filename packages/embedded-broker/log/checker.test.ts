/** The checker's pass over a partition that changes meanwhile. */
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { makeBatch } from "@gmn/kafka-formats/testing";
import type { DamageEvent } from "../settings.ts";
import type { BatchStore } from "./batch_store.ts";
import { Checker } from "./checker.ts";
import type { Partition } from "./partition.ts";
import type { Topics } from "./topics.ts";

const BATCHES = 10;

test("records that are deleted from the beginning during a pass are not missed", async () => {
  const partition = {
    id: 1,
    topic: "a",
    number: 0,
    startOffset: 0,
    highWatermark: BATCHES,
    alive: true,
  };
  const bytes = makeBatch([{ value: "1" }]);
  const asked: number[] = [];
  const store = {
    from(_partition: number, offset: number) {
      asked.push(offset);
      const at = Math.max(offset, partition.startOffset);
      return at < BATCHES ? { base_offset: at, last_offset: at, bytes } : undefined;
    },
  };
  const topics = { list: () => [{ partitions: [partition as unknown as Partition] }] };
  const found: DamageEvent[] = [];
  const checker = new Checker(
    store as unknown as BatchStore,
    topics as unknown as Topics,
    (damage) => found.push(damage),
  );
  // The first step of the pass is done here.
  checker.start();
  partition.startOffset = 6;
  while (asked.filter((offset) => offset === BATCHES - 1).length < 2) await wait(5);
  checker.stop();
  expect(asked).toEqual([9, 0, 6, 7, 8, 9]);
  expect(found.filter(({ reason }) => reason === "no batch has these offsets")).toEqual([]);
});
