/**
 * IncrementalAlterConfigs (key 44): changes single configurations of a topic (set, delete, and for lists append and
 * subtract), the others stay. Durable when answered.
 *
 * What is taken and what is refused is in `log/topic_configs.ts`. Version 0.
 * Left out: configurations of the broker (INVALID_REQUEST): it is configured when it is started.
 */
import { alteredConfigs } from "../log/topic_configs.ts";
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { alteration, type AlterResponse, encodeAltered, failAltered } from "./altered_configs.ts";

interface Request {
  readonly resources: readonly {
    readonly type: number;
    readonly name: string;
    readonly changes: readonly {
      readonly name: string;
      readonly operation: number;
      readonly value: string | null;
    }[];
  }[];
  readonly validateOnly: boolean;
}

/** The IncrementalAlterConfigs API. */
export function incrementalAlterConfigs(broker: Broker): Api<Request, AlterResponse> {
  const alter = alteration(broker);
  return {
    key: ApiKey.IncrementalAlterConfigs,
    name: "IncrementalAlterConfigs",
    minVersion: 0,
    maxVersion: 0,

    decode: (reader) => ({
      resources: reader.array(() => ({
        type: reader.int8(),
        name: reader.string(),
        changes: reader.array(() => ({
          name: reader.string(),
          operation: reader.int8(),
          value: reader.nullableString(),
        })),
      })),
      validateOnly: reader.boolean(),
    }),

    answer: async ({ resources, validateOnly }) => ({
      resources: await Promise.all(
        resources.map((resource) =>
          alter(resource, validateOnly, (before) => resource.changes.reduce(alteredConfigs, before))
        ),
      ),
    }),

    encode: encodeAltered,
    fail: ({ resources }, code, message) => failAltered(resources, code, message),
  };
}
