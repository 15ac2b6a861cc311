/**
 * InitProducerId (key 22): assigns an id to an idempotent producer. The producers of Java and franz-go are idempotent by
 * default, so they always send this request.
 *
 * Versions 0 and 1. Left out: transactional ids, refused with UNSUPPORTED_VERSION; raising the epoch of an id (version
 * 3): a client that needs a new epoch requests a new id with epoch 0.
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import type { ApiOf } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

const REQUEST = wire.struct({
  transactionalId: wire.nullableString,
  _timeout_ms: wire.fixed(wire.int32, 0),
});
const RESPONSE = wire.struct({
  _throttle: wire.THROTTLE,
  errorCode: wire.errorCode,
  producerId: wire.int64,
  epoch: wire.int16,
});

/** The InitProducerId API. */
export function initProducerId(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  return {
    key: ApiKey.InitProducerId,
    minVersion: 0,
    maxVersion: 1,
    request: REQUEST,
    response: RESPONSE,
    async answer({ transactionalId }) {
      if (transactionalId !== null) throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION);
      return { errorCode: ErrorCode.NONE, producerId: await broker.producerIds.take(), epoch: 0 };
    },
    fail: (_request, errorCode) => ({ errorCode, producerId: -1, epoch: -1 }),
  };
}
