import { Buffer } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { settle, UnreadableMessage } from "./unreadable_message.ts";

const context = {
  firstOffset: "0",
  firstTimestamp: "0",
  maxTimestamp: "0",
  timestampType: 0,
  isControlBatch: false,
  producerId: "-1",
  inTransaction: false,
  lastOffsetDelta: 0,
};

function unreadable(
  first: number,
  head: { delta?: number; count?: number; damage?: number | null } = {},
): UnreadableMessage {
  const { delta = 9, damage = null } = head;
  const { count = delta + 1 } = head;
  const firstOffset = BigInt(first);
  const lastOffset = firstOffset + BigInt(delta);
  return new UnreadableMessage(
    { firstOffset, lastOffset, writtenAt: null, reason: "", bytes: Buffer.alloc(0), damage },
    count,
    { ...context, lastOffsetDelta: delta },
  );
}
const record = (offset: number) => ({ offset: String(offset) });
const offsets = (
  messages: readonly { offset: string }[],
  { fetchedFrom = 10, end = 1_000 } = {},
) => settle(messages, BigInt(fetchedFrom), BigInt(end)).map(({ offset }) => Number(offset));

test.each<[string, readonly { offset: string }[], number[]]>([
  ["an undamaged batch ends where its header says", [unreadable(10)], [19]],
  ["a damaged batch ends before the next message", [
    unreadable(10, { damage: 1, delta: 500 }),
    record(15),
  ], [14, 15]],
  ["the first of two damaged batches ends before the second", [
    unreadable(10, { damage: 1, delta: 500 }),
    unreadable(15, { damage: 1 }),
  ], [14, 24]],
  ["a damaged batch at the end of the fetch has the smaller of its two record counts", [
    record(9),
    unreadable(10, { damage: 1, delta: 500, count: 3 }),
  ], [9, 12]],
  ["or one record, when the counts are impossible", [
    unreadable(10, { damage: 1, delta: -5, count: 70_000 }),
  ], [10]],
  ["a damaged batch does not extend past the end of the log", [
    unreadable(990, { damage: 1, delta: 500 }),
  ], [999]],
  ["a damaged batch does not end before the requested offset, whatever its header says", [
    unreadable(2, { damage: 1, delta: 3 }),
    record(30),
  ], [29, 30]],
])("%s", (_what, messages, expected) => {
  expect(offsets(messages)).toEqual(expected);
});

test("offsets always increase, from the requested offset on", () => {
  const head = fc.record({
    first: fc.nat(2_000),
    delta: fc.integer({ min: -10, max: 2_000 }),
    count: fc.integer({ min: -10, max: 2_000 }),
    damage: fc.constantFrom(null, 1),
  });
  fc.assert(
    fc.property(fc.array(head, { minLength: 1, maxLength: 5 }), fc.nat(900), (some, from) => {
      const found = offsets(
        some.map(({ first, ...rest }) => unreadable(first, rest)),
        { fetchedFrom: from },
      );
      expect(found[0]).toBeGreaterThanOrEqual(from);
      expect(found).toEqual([...new Set(found)].toSorted((a, b) => a - b));
    }),
  );
});
