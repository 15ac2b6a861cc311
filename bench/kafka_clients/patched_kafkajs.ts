/** kafkajs as the service uses it: patched, behind the service's publisher and subscription. */
import { createKafka } from "../../src/events/kafka_client.ts";
import { createKafkaPublisher } from "../../src/events/kafka_publisher.ts";
import { subscribe, type Subscription } from "../../src/events/subscription.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { unobserved } from "../../src/observe/observe.ts";
import type { Contender } from "./contender.ts";

/** The same as in the service's consumer. */
const LIMITS = { maxRecords: 5_000, maxBytes: 16 * 1024 * 1024, queueBytes: 4 * 1024 * 1024 };

/** Connects to the broker at `address`. */
export async function openPatchedKafkajs(address: string): Promise<Contender> {
  const kafka = createKafka({ brokers: [address], clientId: "bench" }, unobserved);
  const publisher = await createKafkaPublisher(kafka, new Map());
  let subscription: Subscription | undefined;
  return {
    async produce(portions) {
      for (const portion of portions) await publisher.publish(TRAJECTORY_SUMMARY_RAW, portion);
    },
    async consume(count) {
      const done = Promise.withResolvers<void>();
      let seen = 0;
      subscription = subscribe({
        kafka,
        groupId: "bench",
        topics: [TRAJECTORY_SUMMARY_RAW.name],
        limits: LIMITS,
        observe: unobserved,
        reader: {
          position: () => Promise.resolve(0n),
          begin: () => Promise.resolve(),
          process({ records }) {
            for (const { key, value, headers } of records) {
              if (key !== null && value !== null && headers["gmn-run-id"] !== undefined) seen++;
            }
            if (seen >= count) done.resolve();
            return Promise.resolve();
          },
        },
      });
      await done.promise;
    },
    async close() {
      await subscription?.stop();
      await publisher.close();
    },
  };
}
