/**
 * The requests of a group member, built explicitly.
 */
import { ApiKey } from "@gmn/kafka-formats";
import type { RawClient } from "./testing/raw_client.ts";

/** Joins a group; a request with an empty id returns one to join with (error code 79). */
export async function joinGroup(
  client: RawClient,
  group: string,
  memberId: string,
  sessionTimeout_ms: number,
): Promise<{ errorCode: number; generation: number; memberId: string; members: number }> {
  const r = await client.request(ApiKey.JoinGroup, 4, (w) => {
    w.string(group);
    w.int32(sessionTimeout_ms);
    w.int32(5000);
    w.string(memberId);
    w.string("consumer");
    w.array(["range"], (name) => {
      w.string(name);
      w.bytesField(new Uint8Array());
    });
  });
  r.int32();
  const errorCode = r.int16();
  const generation = r.int32();
  r.string();
  r.string();
  return { errorCode, generation, memberId: r.string(), members: r.int32() };
}

/** Requests the assignment; the leader sends an empty one. Returns the error code. */
export async function syncGroup(
  client: RawClient,
  group: string,
  memberId: string,
  generation: number,
): Promise<number> {
  const r = await client.request(ApiKey.SyncGroup, 2, (w) => {
    w.string(group);
    w.int32(generation);
    w.string(memberId);
    w.array([memberId], (id) => {
      w.string(id);
      w.bytesField(new Uint8Array());
    });
  });
  r.int32();
  return r.int16();
}

/** Returns the error code. */
export async function heartbeat(
  client: RawClient,
  group: string,
  memberId: string,
  generation: number,
): Promise<number> {
  const r = await client.request(ApiKey.Heartbeat, 2, (w) => {
    w.string(group);
    w.int32(generation);
    w.string(memberId);
  });
  r.int32();
  return r.int16();
}

/** Commits an offset of partition 0. Returns the error code. */
export async function commitOffset(
  client: RawClient,
  group: string,
  memberId: string,
  generation: number,
  topic: string,
  offset: number,
): Promise<number> {
  const r = await client.request(ApiKey.OffsetCommit, 5, (w) => {
    w.string(group);
    w.int32(generation);
    w.string(memberId);
    w.array([topic], (name) => {
      w.string(name);
      w.array([0], () => {
        w.int32(0);
        w.int64(offset);
        w.string(null);
      });
    });
  });
  r.int32();
  r.int32();
  r.string();
  r.int32();
  r.int32();
  return r.int16();
}

/** The committed offset of partition 0, -1 when there is none. */
export async function committedOffset(
  client: RawClient,
  group: string,
  topic: string,
): Promise<number> {
  const r = await client.request(ApiKey.OffsetFetch, 4, (w) => {
    w.string(group);
    w.array([topic], (name) => {
      w.string(name);
      w.array([0], (number) => w.int32(number));
    });
  });
  r.int32();
  r.int32();
  r.string();
  r.int32();
  r.int32();
  return r.int64();
}
