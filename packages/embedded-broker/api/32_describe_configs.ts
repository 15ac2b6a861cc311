/**
 * DescribeConfigs (key 32): the configurations of topics, and a few of the broker that clients look for.
 *
 * Versions 0 to 2. Left out: documentation and types of configurations (version 3), loggers.
 */
import { DEFAULT_MAX_MESSAGE_BYTES, effectiveConfigs } from "../log/topic_configs.ts";
import type { Api } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import { type Broker, NODE_ID } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";

const TOPIC = 2;
const BROKER = 4;
/** Where a value comes from, in the protocol's numbers. */
const Source = { TOPIC: 1, STATIC_BROKER: 4, DEFAULT: 5 } as const;

interface Request {
  readonly resources: readonly {
    readonly type: number;
    readonly name: string;
    /** Null for all. */
    readonly names: readonly string[] | null;
  }[];
  readonly wantsSynonyms: boolean;
}

interface Config {
  readonly name: string;
  readonly value: string;
  readonly isReadOnly: boolean;
  readonly source: number;
  readonly fallback: string;
}

interface Response {
  readonly resources: readonly {
    readonly type: number;
    readonly name: string;
    readonly errorCode: ErrorCode;
    readonly message: string | null;
    readonly configs: readonly Config[];
  }[];
  readonly wantsSynonyms: boolean;
}

/** The few configurations of the broker that clients look for. */
function brokerConfigs(broker: Broker): Config[] {
  return Object.entries({
    "auto.create.topics.enable": String(broker.autoCreateTopics),
    "default.replication.factor": "1",
    "log.flush.interval.messages": "1",
    "message.max.bytes": String(DEFAULT_MAX_MESSAGE_BYTES),
    "num.partitions": String(broker.defaultPartitions),
    "offsets.retention.minutes": "-1",
  }).map(([name, value]) => ({
    name,
    value,
    isReadOnly: true,
    source: Source.STATIC_BROKER,
    fallback: value,
  }));
}

/** The configurations of a resource. @throws KafkaError when there is no such resource */
function configsOf(broker: Broker, type: number, name: string): Config[] {
  if (type === TOPIC) {
    return effectiveConfigs(broker.topics.get(name).configs).map((config) => ({
      ...config,
      isReadOnly: false,
      source: config.isDefault ? Source.DEFAULT : Source.TOPIC,
    }));
  }
  if (type === BROKER && name === String(NODE_ID)) return brokerConfigs(broker);
  throw new KafkaError(ErrorCode.INVALID_REQUEST, `no resource of type ${type} named ${name}`);
}

/** The DescribeConfigs API. */
export function describeConfigs(broker: Broker): Api<Request, Response> {
  return {
    key: ApiKey.DescribeConfigs,
    name: "DescribeConfigs",
    minVersion: 0,
    maxVersion: 2,

    decode(reader, version) {
      const resources = reader.array(() => ({
        type: reader.int8(),
        name: reader.string(),
        names: reader.nullableArray(() => reader.string()),
      }));
      return { resources, wantsSynonyms: version >= 1 && reader.boolean() };
    },

    answer: ({ resources, wantsSynonyms }) => ({
      wantsSynonyms,
      resources: resources.map(({ type, name, names }) => {
        try {
          const configs = configsOf(broker, type, name)
            .filter((config) => names === null || names.includes(config.name));
          return { type, name, errorCode: ErrorCode.NONE, message: null, configs };
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error;
          return { type, name, errorCode: error.code, message: error.message, configs: [] };
        }
      }),
    }),

    encode(writer, { resources, wantsSynonyms }, version) {
      writer.int32(0); // throttle time
      writer.array(resources, ({ type, name, errorCode, message, configs }) => {
        writer.int16(errorCode);
        writer.string(message);
        writer.int8(type);
        writer.string(name);
        writer.array(configs, (config) => {
          writer.string(config.name);
          writer.string(config.value);
          writer.boolean(config.isReadOnly);
          if (version === 0) writer.boolean(config.source !== Source.TOPIC); // is default
          else writer.int8(config.source);
          writer.boolean(false); // sensitive
          if (version === 0) return;
          writer.array(wantsSynonyms ? synonymsOf(config) : [], (synonym) => {
            writer.string(config.name);
            writer.string(synonym.value);
            writer.int8(synonym.source);
          });
        });
      });
    },

    fail: ({ resources, wantsSynonyms }, errorCode, message) => ({
      wantsSynonyms,
      resources: resources.map(({ type, name }) => ({
        type,
        name,
        errorCode,
        message,
        configs: [],
      })),
    }),
  };
}

/** The places where a value could come from, the one in effect first. */
function synonymsOf({ value, source, fallback }: Config): { value: string; source: number }[] {
  if (source !== Source.TOPIC) return [{ value, source }];
  return [{ value, source }, { value: fallback, source: Source.DEFAULT }];
}
