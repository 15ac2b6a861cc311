/**
 * A `Client` whose work is done by a driver: a small program in the client's own language (librdkafka/driver.py,
 * java/Driver.java, franz/main.go). All drivers know the same requests; keys, values and headers travel in base64.
 *
 *     create_topic topic partitions · delete_topic topic · list_topics → topics
 *     produce topic compression idempotent records · read topic partition offset count → records
 *     offset_for_time topic partition timestamp_ms → offset
 *     join group topic · poll → assigned records · commit · seek partition offset · leave
 *
 * Each member of a group is a process of its own, as members are in life.
 */
import { Buffer } from "node:buffer";
import type { Ability, Client, GroupMember, NewRecord, OpenClient, SeenRecord } from "./client.ts";
import { type DriverCommand, DriverProcess } from "./driver_process.ts";

/** A record in JSON. */
interface SentRecord {
  readonly partition: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

type ReceivedRecord = SentRecord & { readonly offset: number };

const toText = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString("base64");
const toBytes = (text: string | null): Uint8Array | null =>
  text === null ? null : new Uint8Array(Buffer.from(text, "base64"));

const toSent = ({ partition, key, value, headers }: NewRecord): SentRecord => ({
  partition,
  key: toText(key),
  value: toText(value),
  headers: headers.map(([name, bytes]) => [name, toText(bytes)]),
});
const toSeen = ({ partition, offset, key, value, headers }: ReceivedRecord): SeenRecord => ({
  partition,
  offset,
  key: toBytes(key),
  value: toBytes(value),
  headers: headers.map(([name, text]) => [name, toBytes(text)]),
});

/** A client that is a driver; `cannot` as in `Client`. */
export function driverClient(
  driver: DriverCommand,
  cannot: Partial<Record<Ability, string>> = {},
): OpenClient {
  return (broker) => {
    const main = new DriverProcess(driver, broker);
    const members: GroupMember[] = [];
    const client: Client = {
      cannot,
      async createTopic(topic, partitions) {
        await main.request("create_topic", { topic, partitions });
      },
      async deleteTopic(topic) {
        await main.request("delete_topic", { topic });
      },
      async listTopics() {
        return (await main.request<{ topics: string[] }>("list_topics")).topics;
      },
      async produce(topic, records, options) {
        await main.request("produce", { topic, ...options, records: records.map(toSent) });
      },
      async read(topic, partition, offset, count) {
        const fields = { topic, partition, offset, count };
        const { records } = await main.request<{ records: ReceivedRecord[] }>("read", fields);
        return records.map(toSeen);
      },
      async offsetForTime(topic, partition, timestamp_ms) {
        const fields = { topic, partition, timestamp_ms };
        return (await main.request<{ offset: number | null }>("offset_for_time", fields)).offset;
      },
      async join(group, topic) {
        const member = driverMember(new DriverProcess(driver, broker));
        members.push(member);
        await member.begin(group, topic);
        return member;
      },
      async close() {
        await Promise.all([main.close(), ...members.map((member) => member.leave())]);
      },
    };
    return Promise.resolve(client);
  };
}

function driverMember(driver: DriverProcess) {
  let leaving: Promise<void> | undefined;
  const leave = async () => {
    try {
      await driver.request("leave");
    } finally {
      await driver.close();
    }
  };
  const member: GroupMember & { begin(group: string, topic: string): Promise<void> } = {
    async begin(group, topic) {
      await driver.request("join", { group, topic });
    },
    async poll() {
      const { assigned, records } = await driver.request<
        { assigned: number[]; records: ReceivedRecord[] }
      >("poll");
      return { assigned, records: records.map(toSeen) };
    },
    async commit() {
      await driver.request("commit");
    },
    async seek(partition, offset) {
      await driver.request("seek", { partition, offset });
    },
    leave: () => leaving ??= leave(),
  };
  return member;
}
