/**
 * AlterConfigs (key 33): replaces all configurations of a topic by those given. IncrementalAlterConfigs (key 44): sets and deletes
 * single ones, the others stay. Durable when answered.
 *
 * What is taken and what is refused is in `log/topic_configs.ts`. Versions 0 and 1, and 0.
 * Left out: configurations of the broker (INVALID_REQUEST): it is configured when it is started.
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import { alteredConfigs, checkedConfigs, type TopicConfigs } from "../log/topic_configs.ts";
import { type ApiOf, outcomeOf } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";
import { KafkaError } from "../protocol/kafka_error.ts";
import { TOPIC } from "./32_describe_configs.ts";

const RESOURCE = { type: wire.int8, name: wire.string };
const REPLACING = wire.struct({
  resources: wire.array(wire.struct({
    ...RESOURCE,
    configs: wire.array(wire.struct({ name: wire.string, value: wire.nullableString })),
  })),
  validateOnly: wire.boolean,
});
const INCREMENTAL = wire.struct({
  resources: wire.array(wire.struct({
    ...RESOURCE,
    configs: wire.array(
      wire.struct({ name: wire.string, operation: wire.int8, value: wire.nullableString }),
    ),
  })),
  validateOnly: wire.boolean,
});
const RESPONSE = wire.struct({
  _throttle: wire.THROTTLE,
  resources: wire.array(
    wire.struct({ errorCode: wire.errorCode, message: wire.nullableString, ...RESOURCE }),
  ),
});

type Request<Config> = {
  readonly resources: readonly {
    readonly type: number;
    readonly name: string;
    readonly configs: readonly Config[];
  }[];
  readonly validateOnly: boolean;
};

/** What both APIs have in common; `change` is what the new configurations make of the old ones. */
function alteration<Config>(
  broker: Broker,
  request: wire.Field<Request<Config>>,
  change: (before: TopicConfigs, configs: readonly Config[]) => TopicConfigs,
) {
  const alter = (
    { type, name, configs }: Request<Config>["resources"][number],
    validateOnly: boolean,
  ) =>
    outcomeOf(async () => {
      if (type !== TOPIC) {
        throw new KafkaError(
          ErrorCode.INVALID_REQUEST,
          "only topics have configurations that can be changed",
        );
      }
      if (validateOnly) change(broker.topics.get(name).configs, configs);
      else await broker.topics.configure(name, (before) => change(before, configs));
    });
  return {
    request,
    response: RESPONSE,
    answer: async ({ resources, validateOnly }: Request<Config>) => ({
      resources: await Promise.all(resources.map(async (resource) => ({
        type: resource.type,
        name: resource.name,
        ...await alter(resource, validateOnly),
      }))),
    }),
    fail: ({ resources }: Request<Config>, errorCode: ErrorCode, message: string) => ({
      resources: resources.map(({ type, name }) => ({ type, name, errorCode, message })),
    }),
  };
}

/** The AlterConfigs API. */
export function alterConfigs(
  broker: Broker,
): ApiOf<typeof REPLACING, typeof RESPONSE> {
  return {
    key: ApiKey.AlterConfigs,
    minVersion: 0,
    maxVersion: 1,
    ...alteration(broker, REPLACING, (_before, configs) => checkedConfigs(configs)),
  };
}

/** The IncrementalAlterConfigs API. */
export function incrementalAlterConfigs(
  broker: Broker,
): ApiOf<typeof INCREMENTAL, typeof RESPONSE> {
  return {
    key: ApiKey.IncrementalAlterConfigs,
    minVersion: 0,
    maxVersion: 0,
    ...alteration(
      broker,
      INCREMENTAL,
      (before, changes) => changes.reduce<TopicConfigs>(alteredConfigs, before),
    ),
  };
}
