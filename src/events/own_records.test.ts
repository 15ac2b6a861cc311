/** What is remembered of the records that this process publishes. */
import { Buffer } from "node:buffer";
import { beforeEach, describe, expect, test } from "vitest";
import { OwnRecords } from "./own_records.ts";
import { DEAD_LETTER, HEADERS, TRAJECTORY_SUMMARY_RAW } from "./topics.ts";

const partitionOf = (key: string | null) => key?.startsWith("x") ? 1 : 0;
let own: OwnRecords;
let end: bigint;
beforeEach(() => {
  own = new OwnRecords(TRAJECTORY_SUMMARY_RAW);
  end = 100n;
});

const note = (...keys: (string | null)[]) =>
  own.note(
    TRAJECTORY_SUMMARY_RAW,
    keys.map((key) => ({ key, value: Buffer.of(1) })),
    partitionOf,
  )!;
/** Publishes keys of partition 0. */
function publish(...keys: (string | null)[]) {
  const noted = note(...keys);
  const first = end;
  end += BigInt(keys.length);
  noted.appended(0, { first, next: end });
  noted.acknowledged();
}

describe("the range of own records", () => {
  test("goes on while no record of anybody else comes between", () => {
    publish("a", "b");
    publish("c");
    expect([own.covers(0, 100n, 103n), own.covers(0, 99n, 103n), own.covers(0, 100n, 104n)])
      .toEqual([true, false, false]);
    end++;
    publish("d");
    expect([own.covers(0, 102n, 105n), own.covers(0, 104n, 105n)]).toEqual([false, true]);
    expect(own.covers(1, 0n, 1n)).toBe(false);
  });

  test("of nothing is covered, whatever is known", () => {
    expect(own.covers(0, 7n, 7n)).toBe(true);
  });

  test("is none once another log has taken the place of this one", () => {
    publish("a", "b");
    own.forgetRanges();
    expect([own.covers(0, 100n, 102n), own.isNewer(0, "a", own.sequence, 100n)])
      .toEqual([false, true]);
    publish("c");
    expect([own.covers(0, 101n, 103n), own.covers(0, 102n, 103n)]).toEqual([false, true]);
  });

  test("ends before records whose acknowledgement was lost", () => {
    publish("a");
    note("b");
    end++;
    publish("c");
    expect([own.covers(0, 100n, 103n), own.covers(0, 102n, 103n)]).toEqual([false, true]);
  });

  test("begins after a record without a key: its trajectory is not known", () => {
    publish("a", null);
    expect(own.covers(0, 100n, 102n)).toBe(false);
    publish("b");
    expect(own.covers(0, 102n, 103n)).toBe(true);
  });

  test("begins after keys that were forgotten, because there are too many", () => {
    const many = (name: string) => Array.from({ length: 25_000 }, (_, n) => `${name}${n}`);
    publish(...many("k"));
    publish(...many("l"));
    expect(own.covers(0, 100n, end)).toBe(true);
    publish("last");
    expect(own.covers(0, 100n, end)).toBe(false);
    expect(own.covers(0, 25_100n, end)).toBe(true);
    // More than are remembered, in one call.
    publish(...many("m"), ...many("n"), ...many("o").slice(0, 10_000));
    expect(own.covers(0, end - 1n, end)).toBe(false);
  });
});

describe("a key is newer than what somebody has read", () => {
  test("while the database has not loaded its record", () => {
    publish("a");
    const { sequence } = own;
    expect([own.isNewer(0, "a", sequence, 100n), own.isNewer(0, "a", sequence, 101n)])
      .toEqual([true, false]);
    expect(own.isNewer(0, "b", sequence, 100n)).toBe(false);
  });

  test("when its record was published, or only begun, after the reading", () => {
    const { sequence } = own;
    publish("a");
    note("b");
    expect([own.isNewer(0, "a", sequence, 999n), own.isNewer(0, "b", sequence, 999n)])
      .toEqual([true, true]);
  });

  test("after a failure, until a later record of it is loaded", () => {
    note("a");
    const { sequence } = own;
    expect(own.isNewer(0, "a", sequence, 999n)).toBe(true);
    publish("a");
    expect(own.isNewer(0, "a", own.sequence, 101n)).toBe(false);
  });

  test("but not for a confirm record, which changes no trajectory, nor on another topic", () => {
    const { sequence } = own;
    const headers = { [HEADERS.unchanged]: Buffer.of(1) };
    const confirm = own.note(
      TRAJECTORY_SUMMARY_RAW,
      [{ key: "a", value: null, headers }],
      partitionOf,
    );
    confirm?.appended(0, { first: 100n, next: 101n });
    expect(own.isNewer(0, "a", sequence, 0n)).toBe(false);
    expect(own.covers(0, 100n, 101n)).toBe(true);
    expect(own.note(DEAD_LETTER, [{ key: "b", value: null }], partitionOf)).toBeUndefined();
  });

  test("but not after a call with forgotten keys has failed", () => {
    const noted = note(...Array.from({ length: 60_000 }, (_, n) => `k${n}`));
    expect(own.isNewer(0, "a", own.sequence, 999n)).toBe(true);
    noted.ended();
    expect(own.isNewer(0, "a", own.sequence, 999n)).toBe(false);
  });

  test("and so is every key while one was forgotten whose record is on its way", () => {
    const noted = note(...Array.from({ length: 60_000 }, (_, n) => `k${n}`));
    const { sequence } = own;
    expect([own.isNewer(0, "k0", sequence, 999n), own.isNewer(0, "a", sequence, 999n)])
      .toEqual([true, true]);
    noted.appended(0, { first: 100n, next: 60_100n });
    noted.acknowledged();
    expect(own.isNewer(0, "a", sequence, 60_100n)).toBe(false);
    expect(own.covers(0, 100n, 60_100n)).toBe(false);
  });

  test("for somebody who has read the database before it was loaded, and for nobody else", () => {
    publish("a");
    expect([own.isNewer(0, "a", own.sequence, 101n), own.isNewer(0, "a", own.sequence, 100n)])
      .toEqual([false, true]);
    expect(own.isNewer(0, "a", 0, 101n)).toBe(true);
  });
});
