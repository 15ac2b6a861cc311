/** A publisher that asks before each publish whether it may. */
import type { Publisher } from "./publisher.ts";

/**
 * The publisher behind `assertOpen`, which throws a `TransientError` while nothing may be published: callers wait and try again, as
 * they do while the broker is away. Several gates may be put before one publisher.
 */
export function withGate(publisher: Publisher, assertOpen: () => void): Publisher {
  return {
    // Asked in the call itself, so that publishes keep the order of the calls.
    async publish(topic, records) {
      assertOpen();
      return await publisher.publish(topic, records);
    },
    async publishEach(topic, records) {
      assertOpen();
      return await publisher.publishEach(topic, records);
    },
    partitionOf: (topic, key) => publisher.partitionOf(topic, key),
    schemaId: (topic) => publisher.schemaId(topic),
    close: () => publisher.close(),
  };
}
