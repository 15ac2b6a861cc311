import { ErrorCode } from "@gmn/kafka-formats";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Group } from "./group.ts";
import type { JoinRequest, JoinResult } from "./member.ts";

// Tests of time-outs and their limits use fake timers.
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  group.close();
  expect(vi.getTimerCount()).toBe(0); // a closed group leaves no timer behind
  vi.useRealTimers();
});

let group: Group;
let events: string[];
beforeEach(() => {
  events = [];
  group = new Group("g", null, {
    changed: () => events.push("changed"),
    abandoned: () => events.push("abandoned"),
  });
});

const SESSION_MS = 10_000;
const REBALANCE_MS = 60_000;

function request(fields: Partial<JoinRequest> = {}): JoinRequest {
  return {
    groupId: "g",
    memberId: "",
    clientId: "client",
    clientHost: "/127.0.0.1",
    sessionTimeout_ms: SESSION_MS,
    rebalanceTimeout_ms: REBALANCE_MS,
    protocolType: "consumer",
    protocols: [{ name: "range", metadata: new Uint8Array([1]) }],
    requiresKnownMemberId: false,
    ...fields,
  };
}

const join = (fields: Partial<JoinRequest> = {}): Promise<JoinResult> =>
  group.join(request(fields));
const again = (member: JoinResult, fields: Partial<JoinRequest> = {}) =>
  join({ memberId: member.memberId, ...fields });
const sync = (member: JoinResult, assignments: [JoinResult, number][] = []) =>
  group.sync(
    member.memberId,
    member.generation,
    assignments.map(([to, byte]) => ({
      memberId: to.memberId,
      assignment: new Uint8Array([byte]),
    })),
  );
const heartbeat = (member: JoinResult) => () => group.heartbeat(member.memberId, member.generation);
const withCode = (code: ErrorCode) => expect.objectContaining({ code });

/** A stable group of two: the leader and a follower. */
async function stableTwo(): Promise<[leader: JoinResult, follower: JoinResult]> {
  const alone = await join();
  const joining = join({ clientId: "second" });
  const [leader, follower] = await Promise.all([again(alone), joining]);
  await Promise.all([sync(leader, [[leader, 1], [follower, 2]]), sync(follower)]);
  expect(group.state).toBe("Stable");
  return [leader, follower];
}

describe("joining", () => {
  test("the first member creates a generation and becomes its leader", async () => {
    const me = await join();
    expect(me).toMatchObject({ errorCode: ErrorCode.NONE, generation: 1, protocol: "range" });
    expect(me.leaderId).toBe(me.memberId);
    expect(me.members.map((m) => [...m.metadata])).toEqual([[1]]);
    expect(group.state).toBe("CompletingRebalance");
  });

  test("a member that needs a known id first gets it, and joins with it", async () => {
    const idAnswer = await join({ requiresKnownMemberId: true });
    expect(idAnswer.errorCode).toBe(ErrorCode.MEMBER_ID_REQUIRED);
    expect(group.vacant).toBe(false);
    const me = await again(idAnswer);
    expect(me).toMatchObject({ errorCode: ErrorCode.NONE, memberId: idAnswer.memberId });
  });

  test("an assigned id that is never used is withdrawn after the session time-out", async () => {
    const idAnswer = await join({ requiresKnownMemberId: true });
    vi.advanceTimersByTime(SESSION_MS);
    expect(group.vacant).toBe(true);
    expect(events).toEqual(["abandoned"]);
    expect((await again(idAnswer)).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  test("with an id that was never assigned is refused", async () => {
    expect((await join({ memberId: "invented" })).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  test("without a protocol in common is refused", async () => {
    await join();
    const other = { protocols: [{ name: "sticky", metadata: new Uint8Array() }] };
    expect((await join(other)).errorCode).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
    expect((await join({ protocolType: "connect" })).errorCode)
      .toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
  });

  test("selects the protocol that most members prefer, among those that all know", async () => {
    const protocols = (...names: string[]) =>
      names.map((name) => ({ name, metadata: new Uint8Array() }));
    const alone = await join({ protocols: protocols("mine", "range", "sticky") });
    const others = [
      join({ protocols: protocols("sticky", "range") }),
      join({ protocols: protocols("sticky", "range") }),
    ];
    const mine = await again(alone, { protocols: protocols("mine", "range", "sticky") });
    expect(mine.protocol).toBe("sticky");
    await Promise.all(others);
  });

  test("copies the data it keeps, because the buffer of a request is reused", async () => {
    const metadata = new Uint8Array([1]);
    const alone = await join({ protocols: [{ name: "range", metadata }] });
    metadata[0] = 99;
    expect([...alone.members[0].metadata]).toEqual([1]);
  });
});

describe("a rebalance", () => {
  test("starts with a second member, and ends when the first has rejoined", async () => {
    const alone = await join();
    await sync(alone, [[alone, 1]]);
    const joining = join();
    expect(group.state).toBe("PreparingRebalance");
    expect(heartbeat(alone)).toThrow(withCode(ErrorCode.REBALANCE_IN_PROGRESS));
    const [leader, follower] = await Promise.all([again(alone), joining]);
    expect([leader.generation, follower.generation]).toEqual([2, 2]);
    expect(leader.members.length).toBe(2);
    expect(follower.members).toEqual([]);
  });

  test("gives each member its assignment when the leader has sent them", async () => {
    const alone = await join();
    const joining = join();
    const [leader, follower] = await Promise.all([again(alone), joining]);
    const followers = sync(follower);
    expect(group.state).toBe("CompletingRebalance");
    const leaders = sync(leader, [[leader, 1], [follower, 2]]);
    expect([...(await followers).assignment]).toEqual([2]);
    expect([...(await leaders).assignment]).toEqual([1]);
    // A follower that lost the answer asks again.
    expect([...(await sync(follower)).assignment]).toEqual([2]);
  });

  test("continues without members that did not join within the rebalance time-out", async () => {
    const [leader, follower] = await stableTwo();
    const leading = again(leader);
    // The follower heartbeats, but never rejoins.
    const until = Date.now() + REBALANCE_MS;
    while (Date.now() < until) {
      expect(heartbeat(follower)).toThrow(withCode(ErrorCode.REBALANCE_IN_PROGRESS));
      vi.advanceTimersByTime(SESSION_MS / 2);
    }
    const next = await leading;
    expect(next).toMatchObject({ generation: leader.generation + 1 });
    expect(next.members.length).toBe(1);
    expect(heartbeat(follower)).toThrow(withCode(ErrorCode.UNKNOWN_MEMBER_ID));
  });

  test("restarts when members sent no SyncGroup in time", async () => {
    const alone = await join();
    const joining = join();
    const [leader, follower] = await Promise.all([again(alone), joining]);
    const waiting = sync(follower);
    // The leader is alive, but sends no assignment.
    for (let t = 0; t < REBALANCE_MS; t += SESSION_MS / 2) {
      if (t > 0) heartbeat(leader)();
      vi.advanceTimersByTime(SESSION_MS / 2);
    }
    expect((await waiting).errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    expect(heartbeat(leader)).toThrow(withCode(ErrorCode.UNKNOWN_MEMBER_ID));
    const next = await again(follower);
    expect(next.leaderId).toBe(follower.memberId);
  });

  test("starts when the leader rejoins, not when a follower does", async () => {
    const [leader, follower] = await stableTwo();
    expect((await again(follower)).generation).toBe(follower.generation);
    expect(group.state).toBe("Stable");
    const leading = again(leader);
    expect(group.state).toBe("PreparingRebalance");
    await Promise.all([leading, again(follower)]);
  });

  test("starts when a follower rejoins with different metadata", async () => {
    const [leader, follower] = await stableTwo();
    const protocols = [{ name: "range", metadata: new Uint8Array([2]) }];
    const following = again(follower, { protocols });
    expect(group.state).toBe("PreparingRebalance");
    const [next] = await Promise.all([again(leader), following]);
    expect(next.members.map((m) => [...m.metadata])).toEqual([[1], [2]]);
  });
});

describe("a member", () => {
  test("that is silent for its session time-out is removed, and its commits are refused", async () => {
    const [leader, follower] = await stableTwo();
    for (let t = 0; t < SESSION_MS; t += SESSION_MS / 4) {
      heartbeat(leader)();
      vi.advanceTimersByTime(SESSION_MS / 4);
    }
    expect(group.state).toBe("PreparingRebalance");
    expect(() => group.checkCommit(follower.memberId, follower.generation))
      .toThrow(withCode(ErrorCode.UNKNOWN_MEMBER_ID));
    const next = await again(leader);
    expect(next.members.length).toBe(1);
  });

  test("of an older generation may not commit", async () => {
    const [leader, follower] = await stableTwo();
    await Promise.all([again(leader), again(follower)]);
    expect(() => group.checkCommit(leader.memberId, leader.generation))
      .toThrow(withCode(ErrorCode.ILLEGAL_GENERATION));
  });

  test("may commit during a rebalance, its last chance to save its progress", async () => {
    const [leader, follower] = await stableTwo();
    const joining = join();
    expect(() => group.checkCommit(leader.memberId, leader.generation)).not.toThrow();
    await Promise.all([again(leader), again(follower), joining]);
    expect(() => group.checkCommit(leader.memberId, leader.generation + 1))
      .toThrow(withCode(ErrorCode.REBALANCE_IN_PROGRESS));
  });

  test("that leaves is removed at once; the last one empties the group", async () => {
    const [leader, follower] = await stableTwo();
    group.leave(leader.memberId);
    const next = await again(follower);
    expect(next.leaderId).toBe(follower.memberId);
    group.leave(follower.memberId);
    expect(group.state).toBe("Empty");
    expect(group.vacant).toBe(true);
    expect(() => group.checkCommit("", -1)).not.toThrow();
  });

  test("whose JoinGroup is parked does not time out", async () => {
    const [leader, follower] = await stableTwo();
    const leading = again(leader);
    for (let t = 0; t < REBALANCE_MS - SESSION_MS; t += SESSION_MS / 2) {
      expect(heartbeat(follower)).toThrow(withCode(ErrorCode.REBALANCE_IN_PROGRESS));
      vi.advanceTimersByTime(SESSION_MS / 2);
    }
    await again(follower);
    expect((await leading).members.length).toBe(2);
  });
});
