/**
 * IncrementalAlterConfigs (key 44): sets and deletes individual configurations of a topic; the others stay. Durable when answered.
 *
 * `log/topic_configs.ts` says which values are accepted. Version 0.
 * Left out: appending to lists and subtracting from them; configurations of the broker (INVALID_REQUEST), which are set when it
 * starts.
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import { alteredConfigs, type TopicConfigs } from "../log/topic_configs.ts";
import { allFailed, type ApiOf, eachByItself } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";
import { KafkaError } from "../protocol/kafka_error.ts";
import { TOPIC } from "./32_describe_configs.ts";

const CHANGE = wire.struct({ name: wire.string, operation: wire.int8, value: wire.nullableString });
const RESOURCE = wire.struct({ type: wire.int8, name: wire.string, changes: wire.array(CHANGE) });
const REQUEST = wire.struct({ resources: wire.array(RESOURCE), validateOnly: wire.boolean });
const RESPONSE = wire.struct({
  _throttle: wire.THROTTLE,
  resources: wire.array(wire.struct({
    errorCode: wire.errorCode,
    message: wire.nullableString,
    type: wire.int8,
    name: wire.string,
  })),
});

/** The IncrementalAlterConfigs API. */
export function incrementalAlterConfigs(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  const alter = async (resource: wire.ValueOf<typeof RESOURCE>, validateOnly: boolean) => {
    if (resource.type !== TOPIC) {
      throw new KafkaError(
        ErrorCode.INVALID_REQUEST,
        "only topics have configurations that can be changed",
      );
    }
    const change = (before: TopicConfigs) => resource.changes.reduce(alteredConfigs, before);
    if (validateOnly) change(broker.topics.get(resource.name).configs);
    else await broker.topics.configure(resource.name, change);
  };
  return {
    key: ApiKey.IncrementalAlterConfigs,
    minVersion: 0,
    maxVersion: 0,
    request: REQUEST,
    response: RESPONSE,
    answer: async ({ resources, validateOnly }) => ({
      resources: await eachByItself(resources, (each) => alter(each, validateOnly)),
    }),
    fail: ({ resources }, code, message) => ({ resources: allFailed(resources, code, message) }),
  };
}
