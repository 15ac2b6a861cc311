/**
 * FindCoordinator (key 10): which broker coordinates a group. It is always this one.
 *
 * Versions 0 to 2 (librdkafka checks for 0 before it lets a consumer join a group).
 * Left out: transaction coordinators (key type 1), answered with CLUSTER_AUTHORIZATION_FAILED and a message that says so.
 * This is the one error code that all clients treat as final and report together with the message. After any other code
 * librdkafka retries until it reports a time-out, and Java drops the message of
 * TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import type { ApiOf } from "../protocol/api.ts";
import { type Broker, NODE_ID } from "../protocol/broker.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

const GROUP = 0;

const REQUEST = wire.struct({ key: wire.string, keyType: wire.since(1, wire.int8, GROUP) });
const RESPONSE = wire.struct({
  _throttle: wire.since(1, wire.THROTTLE),
  errorCode: wire.errorCode,
  message: wire.since(1, wire.nullableString, null),
  node: wire.int32,
  host: wire.string,
  port: wire.int32,
});

/** The FindCoordinator API. */
export function findCoordinator(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  return {
    key: ApiKey.FindCoordinator,
    minVersion: 0,
    maxVersion: 2,
    request: REQUEST,
    response: RESPONSE,

    answer({ key, keyType }) {
      if (keyType !== GROUP) {
        throw new KafkaError(
          ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
          "the embedded broker has no transactions",
        );
      }
      if (key === "") throw new KafkaError(ErrorCode.INVALID_GROUP_ID);
      const { host, port } = broker;
      return { errorCode: ErrorCode.NONE, message: null, node: NODE_ID, host, port };
    },
    fail: (_request, errorCode, message) => ({ errorCode, message, node: -1, host: "", port: -1 }),
  };
}
