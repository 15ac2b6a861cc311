/**
 * AlterConfigs (key 33): replaces all configurations of a topic by those given. Durable when answered.
 *
 * What is taken and what is refused is in `log/topic_configs.ts`. Versions 0 and 1.
 * Left out: configurations of the broker (INVALID_REQUEST): it is configured when it is started.
 */
import { checkedConfigs } from "../log/topic_configs.ts";
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { alteration, type AlterResponse, encodeAltered, failAltered } from "./altered_configs.ts";

interface Request {
  readonly resources: readonly {
    readonly type: number;
    readonly name: string;
    readonly configs: readonly { readonly name: string; readonly value: string | null }[];
  }[];
  readonly validateOnly: boolean;
}

/** The AlterConfigs API. */
export function alterConfigs(broker: Broker): Api<Request, AlterResponse> {
  const alter = alteration(broker);
  return {
    key: ApiKey.AlterConfigs,
    name: "AlterConfigs",
    minVersion: 0,
    maxVersion: 1,

    decode: (reader) => ({
      resources: reader.array(() => ({
        type: reader.int8(),
        name: reader.string(),
        configs: reader.array(() => ({ name: reader.string(), value: reader.nullableString() })),
      })),
      validateOnly: reader.boolean(),
    }),

    answer: async ({ resources, validateOnly }) => ({
      resources: await Promise.all(
        resources.map((resource) =>
          alter(resource, validateOnly, () => checkedConfigs(resource.configs))
        ),
      ),
    }),

    encode: encodeAltered,
    fail: ({ resources }, code, message) => failAltered(resources, code, message),
  };
}
