/**
 * DescribeConfigs (key 32): the configurations of topics.
 *
 * Versions 0 to 2. Left out: the broker's own configuration (INVALID_REQUEST), synonyms (none are listed), documentation and
 * types (version 3), loggers.
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import { effectiveConfigs } from "../log/topic_configs.ts";
import { allFailed, type ApiOf } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

/** The resource type of topics. */
export const TOPIC = 2;
/** The protocol's codes for the source of a value. */
const Source = { TOPIC: 1, DEFAULT: 5 } as const;

const WANTED = wire.struct({
  type: wire.int8,
  name: wire.string,
  /** Null means all. */
  names: wire.nullableArray(wire.string),
});
const REQUEST = wire.struct({
  resources: wire.array(WANTED),
  _wantsSynonyms: wire.since(1, wire.fixed(wire.boolean, false)),
});
const CONFIG = wire.struct({
  name: wire.string,
  value: wire.string,
  _isReadOnly: wire.fixed(wire.boolean, false),
  isDefault: wire.within(0, 0, wire.boolean, false),
  source: wire.since<number>(1, wire.int8, Source.DEFAULT),
  _isSensitive: wire.fixed(wire.boolean, false),
  _synonyms: wire.since(1, wire.fixed(wire.array(wire.int8), [])),
});
const RESPONSE = wire.struct({
  _throttle: wire.THROTTLE,
  resources: wire.array(wire.struct({
    errorCode: wire.errorCode,
    message: wire.nullableString,
    type: wire.int8,
    name: wire.string,
    configs: wire.array(CONFIG),
  })),
});

/** The DescribeConfigs API. */
export function describeConfigs(broker: Broker): ApiOf<typeof REQUEST, typeof RESPONSE> {
  const describe = ({ type, name, names }: wire.ValueOf<typeof WANTED>) => {
    try {
      if (type !== TOPIC) {
        throw new KafkaError(ErrorCode.INVALID_REQUEST, "only topics have configurations here");
      }
      const configs = effectiveConfigs(broker.topics.get(name).configs)
        .filter((config) => names === null || names.includes(config.name))
        .map((one) => ({ ...one, source: one.isDefault ? Source.DEFAULT : Source.TOPIC }));
      return { type, name, configs, errorCode: ErrorCode.NONE, message: null };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return { type, name, configs: [], errorCode: error.code, message: error.message };
    }
  };
  return {
    key: ApiKey.DescribeConfigs,
    minVersion: 0,
    maxVersion: 2,
    request: REQUEST,
    response: RESPONSE,
    answer: ({ resources }) => ({ resources: resources.map(describe) }),
    fail: ({ resources }, code, message) => ({
      resources: allFailed(resources, code, message).map((each) => ({ ...each, configs: [] })),
    }),
  };
}
