/**
 * What AlterConfigs and IncrementalAlterConfigs have in common: the change of one resource, and the response.
 */
import type { TopicConfigs } from "../log/topic_configs.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";
import type { Writer } from "@gmn/kafka-formats";

/** The resource type of topics. */
export const TOPIC = 2;

interface Resource {
  readonly type: number;
  readonly name: string;
}

interface AlteredResource extends Resource {
  readonly errorCode: ErrorCode;
  readonly message: string | null;
}

/** The response of both APIs. */
export interface AlterResponse {
  readonly resources: readonly AlteredResource[];
}

/** Gives the function that changes one resource's configurations by `change`, or only checks that it could. */
export function alteration(broker: Broker) {
  return async (
    { type, name }: Resource,
    validateOnly: boolean,
    change: (configs: TopicConfigs) => TopicConfigs,
  ): Promise<AlteredResource> => {
    try {
      if (type !== TOPIC) {
        throw new KafkaError(
          ErrorCode.INVALID_REQUEST,
          "only topics have configurations that can be changed",
        );
      }
      if (validateOnly) change(broker.topics.get(name).configs);
      else await broker.topics.configure(name, change);
      return { type, name, errorCode: ErrorCode.NONE, message: null };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return { type, name, errorCode: error.code, message: error.message };
    }
  };
}

/** Writes the response. */
export function encodeAltered(writer: Writer, { resources }: AlterResponse): void {
  writer.int32(0); // throttle time
  writer.array(resources, ({ type, name, errorCode, message }) => {
    writer.int16(errorCode);
    writer.string(message);
    writer.int8(type);
    writer.string(name);
  });
}

/** The response that says that nothing was changed. */
export function failAltered(
  resources: readonly Resource[],
  errorCode: ErrorCode,
  message: string,
): AlterResponse {
  return { resources: resources.map(({ type, name }) => ({ type, name, errorCode, message })) };
}
