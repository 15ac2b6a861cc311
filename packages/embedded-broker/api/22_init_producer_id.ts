/**
 * InitProducerId (key 22): gives an idempotent producer its id. Java's and franz-go's producers are idempotent unless
 * told otherwise, so they all ask.
 *
 * Versions 0 and 1. Left out: transactional ids, refused with UNSUPPORTED_VERSION; raising the epoch of an id (version
 * 3): a client that needs a new epoch asks for a new id, epoch 0.
 */
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";

interface Request {
  readonly transactionalId: string | null;
}

interface Response {
  readonly errorCode: ErrorCode;
  readonly producerId: number;
}

/** The InitProducerId API. */
export function initProducerId(broker: Broker): Api<Request, Response> {
  return {
    key: ApiKey.InitProducerId,
    name: "InitProducerId",
    minVersion: 0,
    maxVersion: 1,

    decode(reader) {
      const transactionalId = reader.nullableString();
      reader.int32(); // transaction timeout
      return { transactionalId };
    },

    async answer({ transactionalId }) {
      if (transactionalId !== null) throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION);
      return { errorCode: ErrorCode.NONE, producerId: await broker.producerIds.take() };
    },

    encode(writer, { errorCode, producerId }) {
      writer.int32(0); // throttle time
      writer.int16(errorCode);
      writer.int64(producerId);
      writer.int16(errorCode === ErrorCode.NONE ? 0 : -1); // epoch
    },

    fail: (_request, errorCode) => ({ errorCode, producerId: -1 }),
  };
}
