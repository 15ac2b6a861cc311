/**
 * Every version of every API that the broker serves, encoded and decoded by kafkajs. kafkajs itself uses only the
 * highest version; other clients use others, with equally strict decoders.
 */
import { Buffer } from "node:buffer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exchange, versionsOf } from "./kafkajs_codec.ts";
import { REQUESTS } from "./requests.ts";
import { RawClient } from "./testing/raw_client.ts";
import { TestBroker } from "./running.ts";

let running: TestBroker;
let client: RawClient;

beforeAll(async () => {
  running = await TestBroker.start();
  client = await RawClient.connect(running.address);
  await client.createTopic("t", 2);
});

afterAll(async () => {
  client.close();
  await running.stop();
});

describe.each(REQUESTS)("%s", (api, min, max, fields, answer) => {
  test.each(versionsOf(api, min, max))("version %d", async (version) => {
    expect(await exchange(client, api, version, fields)).toMatchObject(answer);
  });
});

describe("topics", () => {
  test.each(versionsOf("CreateTopics", 0, 3))("are created in version %d", async (version) => {
    const topic = `created-${version}`;
    expect(
      await exchange(client, "CreateTopics", version, {
        topics: [{ topic, numPartitions: 2, replicationFactor: 1 }],
        validateOnly: false,
      }),
    ).toMatchObject({ topicErrors: [{ topic, errorCode: 0 }] });
    expect(
      await exchange(client, "CreatePartitions", version % 2, {
        topicPartitions: [{ topic, count: 3 }],
      }),
    ).toMatchObject({ topicErrors: [{ topic, errorCode: 0 }] });
    expect(await exchange(client, "DeleteTopics", version % 2, { topics: [topic] }))
      .toMatchObject({ topicErrors: [{ topic, errorCode: 0 }] });
  });
});

describe("a group", () => {
  test.each(versionsOf("JoinGroup", 0, 4))("is joined and left in version %d", async (version) => {
    const groupId = `group-${version}`;
    const at = (max: number) => Math.min(version, max);
    const join = {
      groupId,
      sessionTimeout: 1000,
      rebalanceTimeout: 1000,
      memberId: "",
      protocolType: "consumer",
      groupProtocols: [{ name: "range", metadata: Buffer.from([1, 2]) }],
    };
    let memberId = "";
    if (version >= 4) {
      const refused = exchange(client, "JoinGroup", version, join);
      await expect(refused).rejects.toMatchObject({ type: "MEMBER_ID_REQUIRED" });
      memberId = await refused.then(String, (error: { memberId: string }) => error.memberId);
    }
    const joined = await exchange(client, "JoinGroup", version, { ...join, memberId });
    expect(joined).toMatchObject({ errorCode: 0, generationId: 1, groupProtocol: "range" });
    const { memberId: me, leaderId, members } = joined as {
      memberId: string;
      leaderId: string;
      members: { memberId: string }[];
    };
    expect(leaderId).toBe(me);
    expect(members.map((member) => member.memberId)).toEqual([me]);
    const synced = await exchange(client, "SyncGroup", at(2), {
      groupId,
      generationId: 1,
      memberId: me,
      groupAssignment: [{ memberId: me, memberAssignment: Buffer.from([7]) }],
    }) as { memberAssignment: Uint8Array };
    expect([...synced.memberAssignment]).toEqual([7]);
    const beat = { groupId, groupGenerationId: 1, memberId: me };
    expect(await exchange(client, "Heartbeat", at(2), beat)).toMatchObject({ errorCode: 0 });
    expect(await exchange(client, "DescribeGroups", at(2), { groupIds: [groupId] })).toMatchObject({
      groups: [{ state: "Stable", protocolType: "consumer", members: [{ memberId: me }] }],
    });
    expect(await exchange(client, "LeaveGroup", at(2), { groupId, memberId: me }))
      .toMatchObject({ errorCode: 0 });
    const again = exchange(client, "SyncGroup", at(2), {
      groupId,
      generationId: 1,
      memberId: me,
      groupAssignment: [],
    });
    await expect(again).rejects.toMatchObject({ type: "UNKNOWN_MEMBER_ID" });
    expect(await exchange(client, "DeleteGroups", version % 2, [groupId]))
      .toMatchObject({ results: [{ groupId, errorCode: 0 }] });
  });
});

describe("ApiVersions", () => {
  test.each([0, 1, 2])("version %d", async (version) => {
    const { apiVersions } = await exchange(client, "ApiVersions", version, {}) as {
      apiVersions: { apiKey: number; minVersion: number; maxVersion: number }[];
    };
    expect(apiVersions).toContainEqual({ apiKey: 0, minVersion: 0, maxVersion: 7 });
  });

  test.each([3, 4, 5, 99])(
    "version %d is answered as version 0, with the range",
    async (version) => {
      // Java and librdkafka start with a version of the flexible encoding (KIP-511).
      const reader = await client.request(18, version, (w) => w.raw(new Uint8Array([0, 1, 1, 0])));
      expect(reader.int16()).toBe(35);
      const apis = reader.array((r) => [r.int16(), r.int16(), r.int16()]);
      expect(apis).toEqual([[18, 0, 2]]);
      expect(reader.remaining).toBe(0);
    },
  );

  test("has the versions that librdkafka up to 2.11 needs to enable features", async () => {
    const { apiVersions } = await exchange(client, "ApiVersions", 2, {}) as {
      apiVersions: { apiKey: number; minVersion: number; maxVersion: number }[];
    };
    const has = (key: number, version: number) =>
      apiVersions.some(({ apiKey, minVersion, maxVersion }) =>
        apiKey === key && minVersion <= version && version <= maxVersion
      );
    const needed: [number, number][] = [
      [0, 0], // any compression
      [0, 3], // format 2
      [1, 4],
      [0, 7], // zstd
      [1, 10],
      [10, 0], // groups, lz4
      [2, 1], // offsets by time
      [22, 0], // idempotence
    ];
    for (const [key, version] of needed) {
      expect([key, version, has(key, version)]).toEqual([key, version, true]);
    }
  });
});
