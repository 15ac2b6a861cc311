/**
 * FindCoordinator (key 10): which broker coordinates a group. It is always this one.
 *
 * Versions 0 to 2 (librdkafka looks for 0 before it lets a consumer join a group).
 * Left out: transaction coordinators (key type 1), answered with CLUSTER_AUTHORIZATION_FAILED and a message that says so.
 * Of the protocol's refusals it is the one that all clients take as final and pass on with the message: librdkafka asks
 * again and again after any other (and then says that it timed out), Java drops the message of
 * TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
 */
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import { type Broker, NODE_ID } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";

const GROUP = 0;

interface Request {
  readonly key: string;
  readonly keyType: number;
}

interface Response {
  readonly errorCode: ErrorCode;
  readonly message: string | null;
}

/** The FindCoordinator API. */
export function findCoordinator(broker: Broker): Api<Request, Response> {
  return {
    key: ApiKey.FindCoordinator,
    name: "FindCoordinator",
    minVersion: 0,
    maxVersion: 2,

    decode: (reader, version) => ({
      key: reader.string(),
      keyType: version >= 1 ? reader.int8() : GROUP,
    }),

    answer({ key, keyType }) {
      if (keyType !== GROUP) {
        throw new KafkaError(
          ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
          "the embedded broker has no transactions",
        );
      }
      if (key === "") throw new KafkaError(ErrorCode.INVALID_GROUP_ID);
      return { errorCode: ErrorCode.NONE, message: null };
    },

    encode(writer, { errorCode, message }, version) {
      if (version >= 1) writer.int32(0); // throttle time
      writer.int16(errorCode);
      if (version >= 1) writer.string(message);
      const ok = errorCode === ErrorCode.NONE;
      writer.int32(ok ? NODE_ID : -1);
      writer.string(ok ? broker.host : "");
      writer.int32(ok ? broker.port : -1);
    },

    fail: (_request, errorCode, message) => ({ errorCode, message }),
  };
}
