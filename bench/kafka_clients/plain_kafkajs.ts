/** kafkajs as published, used in the simplest way: shows the effect of the patches. */
import { Buffer } from "node:buffer";
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { type Contender, FETCH } from "./contender.ts";

const topic = TRAJECTORY_SUMMARY_RAW.name;

/** Connects to the broker at `address`. */
export async function openPlainKafkajs(address: string): Promise<Contender> {
  const kafka = new Kafka({ brokers: [address], clientId: "bench", logLevel: logLevel.NOTHING });
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    maxInFlightRequests: 1,
  });
  const consumer = kafka.consumer({
    groupId: "bench",
    maxBytes: FETCH.maxBytes,
    maxBytesPerPartition: FETCH.maxBytesPerPartition,
    maxWaitTimeInMs: FETCH.maxWait_ms,
  });
  await producer.connect();
  return {
    async produce(portions) {
      for (const portion of portions) {
        await producer.send({
          topic,
          acks: -1,
          messages: portion.map(({ key, value, headers }) => ({
            key,
            value: Buffer.from(value!.buffer, value!.byteOffset, value!.byteLength),
            headers: { ...headers },
          })),
        });
      }
    },
    async consume(count) {
      const done = Promise.withResolvers<void>();
      let seen = 0;
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatch({ batch }) {
          for (const { key, value, headers } of batch.messages) {
            if (key !== null && value !== null && headers?.["gmn-run-id"] !== undefined) seen++;
          }
          if (seen >= count) done.resolve();
          return Promise.resolve();
        },
      });
      await done.promise;
    },
    async close() {
      await consumer.disconnect();
      await producer.disconnect();
    },
  };
}
