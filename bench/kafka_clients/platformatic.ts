/** @platformatic/kafka, with the service's choice of partitions, so that its requests are the same. */
import { Buffer } from "node:buffer";
import { Consumer, Producer } from "@platformatic/kafka";
import { createKeyPartitioner } from "@gmn/kafka-formats";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { type Contender, FETCH } from "./contender.ts";

const { name: topic, partitions } = TRAJECTORY_SUMMARY_RAW;

/** Connects to the broker at `address`. */
export function openPlatformatic(address: string): Promise<Contender> {
  const connection = { clientId: "bench", bootstrapBrokers: [address] };
  const producer = new Producer(connection);
  const consumer = new Consumer({
    ...connection,
    groupId: "bench",
    autocommit: false,
    maxBytes: FETCH.maxBytes,
    maxBytesPerPartition: FETCH.maxBytesPerPartition,
    maxWaitTime: FETCH.maxWait_ms,
  });
  const partitionOf = createKeyPartitioner(partitions);
  return Promise.resolve({
    async produce(portions) {
      for (const portion of portions) {
        await producer.send({
          acks: -1,
          messages: portion.map(({ key, value, headers }) => ({
            topic,
            partition: partitionOf(key),
            key: Buffer.from(key!),
            value: Buffer.from(value!.buffer, value!.byteOffset, value!.byteLength),
            headers: new Map(
              Object.entries(headers!).map(([name, text]) => [
                Buffer.from(name),
                Buffer.from(text),
              ]),
            ),
          })),
        });
      }
    },
    async consume(count) {
      const stream = await consumer.consume({ topics: [topic], mode: "earliest" });
      let seen = 0;
      for await (const { key, value, headers } of stream) {
        if (key !== undefined && value !== undefined && headers !== undefined) seen++;
        if (seen >= count) break;
      }
    },
    async close() {
      await consumer.close(true);
      await producer.close();
    },
  });
}
