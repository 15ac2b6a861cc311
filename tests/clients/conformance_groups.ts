/**
 * The checks of consumer groups: reading together, going on after a commit, sharing with a second member, seeking.
 */
import { expect } from "vitest";
import type { GroupMember, SeenRecord } from "./client.ts";
import type { Check } from "./conformance.ts";
import { texts } from "./records.ts";

/** Longer than the session time-out of all clients here (6 s), as a join may have to wait for one that went away. */
const DEADLINE_MS = 30_000;

/** A member with all that it has seen. */
class Watched {
  readonly seen: SeenRecord[] = [];
  assigned: readonly number[] = [];

  constructor(readonly member: GroupMember) {}

  async poll(): Promise<void> {
    const { assigned, records } = await this.member.poll();
    this.assigned = assigned;
    this.seen.push(...records);
  }

  /** Values in the order in which they came, from one partition. */
  values(partition: number): string[] {
    return texts(this.seen.filter((one) => one.partition === partition));
  }
}

/** Polls all members, together as processes would, until `holds`. @throws Error with what there was instead */
async function pollUntil(
  what: string,
  members: readonly Watched[],
  holds: () => boolean,
): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!holds()) {
    if (performance.now() > deadline) {
      const there = members.map((one) => `[${one.assigned}] ${one.seen.length} records`);
      throw new Error(`waited ${DEADLINE_MS} ms in vain: ${what}; there is ${there.join(", ")}`);
    }
    await Promise.all(members.map((one) => one.poll()));
  }
}

const numbered = (word: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${word} ${at}`);
const newGroup = (): string => `g-${crypto.randomUUID()}`;

/** Declares them. */
export function describeGroupChecks(check: Check): void {
  describeReading(check);
  describeRebalance(check);
  describeSeek(check);
}

function describeReading(check: Check): void {
  check("consumes in a group", null, async ({ client, reference }) => {
    const topic = await reference.newTopic(3);
    for (const partition of [0, 1, 2]) {
      await reference.produce(topic, partition, numbered(`p${partition}`, 40));
    }
    const watched = new Watched(await client.join(newGroup(), topic));
    try {
      await pollUntil("all records", [watched], () => watched.seen.length >= 120);
      expect([...watched.assigned].toSorted()).toEqual([0, 1, 2]);
      for (const partition of [0, 1, 2]) {
        expect(watched.values(partition)).toEqual(numbered(`p${partition}`, 40));
      }
      // What comes later is seen too.
      await reference.produce(topic, 1, ["later"]);
      await pollUntil("a later record", [watched], () => watched.seen.length > 120);
      expect(texts(watched.seen.slice(120))).toEqual(["later"]);
    } finally {
      await watched.member.leave();
    }
  });

  check("goes on where its group committed", null, async ({ client, reference }) => {
    const topic = await reference.newTopic(1);
    const group = newGroup();
    await reference.produce(topic, 0, numbered("before", 30));
    const first = new Watched(await client.join(group, topic));
    try {
      await pollUntil("the first records", [first], () => first.seen.length >= 30);
      await first.member.commit();
    } finally {
      await first.member.leave();
    }
    expect(await reference.committed(group, topic, 0)).toBe(30);

    await reference.produce(topic, 0, numbered("after", 30));
    const second = new Watched(await client.join(group, topic));
    try {
      await pollUntil("the rest", [second], () => second.seen.length >= 30);
      expect(second.values(0)).toEqual(numbered("after", 30));
    } finally {
      await second.member.leave();
    }
  });
}

function describeRebalance(check: Check): void {
  check("shares with a second member, and takes over from it", null, async (bench) => {
    const { client, reference } = bench;
    const topic = await reference.newTopic(4);
    const group = newGroup();
    const first = new Watched(await client.join(group, topic));
    const members = [first];
    /** Produces to all partitions, and waits until each record is with the member that has its partition. */
    const deliver = async (word: string): Promise<void> => {
      for (const partition of [0, 1, 2, 3]) {
        await reference.produce(topic, partition, numbered(word, 5));
      }
      const isThere = (owner: Watched, partition: number): boolean =>
        numbered(word, 5).every((text) => owner.values(partition).includes(text));
      await pollUntil(
        `all of "${word}"`,
        members,
        // In the middle of a rebalance nobody has anything, which is not "all".
        () =>
          isShared() &&
          members.every((owner) => owner.assigned.every((one) => isThere(owner, one))),
      );
    };
    const isShared = (): boolean =>
      members.every((one) => one.assigned.length === 4 / members.length) &&
      new Set(members.flatMap((one) => one.assigned)).size === 4;
    try {
      await pollUntil("the first member has all", members, isShared);
      await deliver("alone");

      members.push(new Watched(await client.join(group, topic)));
      await pollUntil("each member has half", members, isShared);
      expect(await reference.group(group)).toEqual({ state: "Stable", members: 2 });
      await deliver("together");

      await members.pop()!.member.leave();
      await pollUntil("the first member has all again", members, isShared);
      await deliver("alone again");
    } finally {
      for (const { member } of members) await member.leave();
    }
    expect(await reference.group(group)).toEqual({ state: "Empty", members: 0 });
  });
}

function describeSeek(check: Check): void {
  check("seeks back and forth in its partition", "seek", async ({ client, reference }) => {
    const topic = await reference.newTopic(1);
    await reference.produce(topic, 0, numbered("record", 20));
    const watched = new Watched(await client.join(newGroup(), topic));
    /** Offsets that come after a seek. */
    const after = async (offset: number): Promise<number[]> => {
      watched.seen.length = 0;
      await watched.member.seek(0, offset);
      await pollUntil(
        `record 19 after a seek to ${offset}`,
        [watched],
        () => watched.seen.at(-1)?.offset === 19,
      );
      return watched.seen.map((one) => one.offset);
    };
    try {
      await pollUntil("all records", [watched], () => watched.seen.length >= 20);
      expect(await after(0)).toEqual(Array.from({ length: 20 }, (_, at) => at));
      expect(await after(18)).toEqual([18, 19]);
      expect(await after(7)).toEqual(Array.from({ length: 13 }, (_, at) => at + 7));
    } finally {
      await watched.member.leave();
    }
  });
}
