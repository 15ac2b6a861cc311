/**
 * DeleteTopics (key 20): deletes topics, each independently, together with their committed offsets. Durable when
 * answered; the disk space of the records is freed later, in the background.
 *
 * Versions 0 to 3. Left out: deletion by topic id (version 6).
 */
import { ApiKey, wire } from "@gmn/kafka-formats";
import { allFailed, type ApiOf, eachByItself } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";

const REQUEST = wire.struct({
  topics: wire.array(wire.struct({ name: wire.string })),
  _timeout_ms: wire.fixed(wire.int32, 0),
});
const RESPONSE = wire.struct({
  _throttle: wire.since(1, wire.THROTTLE),
  topics: wire.array(wire.struct({ name: wire.string, errorCode: wire.errorCode })),
});

/** The DeleteTopics API. */
export function deleteTopics(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  return {
    key: ApiKey.DeleteTopics,
    minVersion: 0,
    maxVersion: 3,
    request: REQUEST,
    response: RESPONSE,
    answer: async ({ topics }) => ({
      topics: await eachByItself(topics, async ({ name }) => {
        await broker.topics.delete(name);
        broker.sweeper.wake();
      }),
    }),
    fail: ({ topics }, code, message) => ({ topics: allFailed(topics, code, message) }),
  };
}
