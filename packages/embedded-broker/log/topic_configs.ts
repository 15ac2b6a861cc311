/**
 * Topic configurations: which names are known, which values are taken, and which of them this broker acts on.
 *
 * A client that asks for something the broker does not do must not believe that it does. So: what has no effect on
 * what clients see (segment sizes) is accepted and kept; what would change the data and is not done
 * here, but does no harm undone (compaction, retention: more is kept than was asked for), is accepted, kept, and
 * written down in docs/embedded-broker.md; what would make the broker answer wrongly (timestamps set by the broker,
 * recompression) is refused.
 */
import { ErrorCode } from "@gmn/kafka-formats";
import { KafkaError } from "../protocol/kafka_error.ts";

/** A value's check: true when it is taken. */
type Check = (value: string) => boolean;

interface ConfigDefinition {
  readonly fallback: string;
  readonly check: Check;
}

const anyOf = (...values: string[]): Check => (value) => values.includes(value);
const integer = (least: number, most = Infinity): Check => (value) =>
  /^-?\d{1,15}$/.test(value) && Number(value) >= least && Number(value) <= most;

/** 1 MiB, as Redpanda's and near Kafka's default: what is too large here is too large there. */
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_576;
/** A batch is held in memory several times on its way; nobody needs larger ones. */
const MAX_MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** The topic configurations that are known, with the defaults that are in effect here. */
const DEFINITIONS: Readonly<Record<string, ConfigDefinition>> = {
  "cleanup.policy": {
    fallback: "delete",
    check: anyOf("delete", "compact", "compact,delete", "delete,compact"),
  },
  "compression.type": { fallback: "producer", check: anyOf("producer") },
  "max.message.bytes": {
    fallback: String(DEFAULT_MAX_MESSAGE_BYTES),
    check: integer(1, MAX_MAX_MESSAGE_BYTES),
  },
  "message.timestamp.type": { fallback: "CreateTime", check: anyOf("CreateTime") },
  "min.insync.replicas": { fallback: "1", check: anyOf("1") },
  "retention.bytes": { fallback: "-1", check: integer(-1) },
  "retention.ms": { fallback: "-1", check: integer(-1) },
  "segment.bytes": { fallback: "1073741824", check: integer(14) },
  "segment.ms": { fallback: "604800000", check: integer(1) },
};

/** What was set for one topic; everything else has its default. */
export type TopicConfigs = ReadonlyMap<string, string>;

/** All configurations of a topic, in order of their names. */
export function effectiveConfigs(configs: TopicConfigs) {
  return Object.entries(DEFINITIONS).map(([name, { fallback }]) => ({
    name,
    value: configs.get(name) ?? fallback,
    isDefault: !configs.has(name),
  }));
}

/**
 * Checks what a client wants to set. A null value means the default.
 * @throws KafkaError INVALID_CONFIG naming the configuration and the value
 */
export function checkedConfigs(
  wanted: Iterable<{ name: string; value: string | null }>,
): Map<string, string> {
  const configs = new Map<string, string>();
  for (const { name, value } of wanted) {
    const definition = Object.hasOwn(DEFINITIONS, name) ? DEFINITIONS[name] : undefined;
    if (definition === undefined) {
      throw new KafkaError(ErrorCode.INVALID_CONFIG, `unknown topic configuration ${name}`);
    }
    if (value === null) continue;
    if (!definition.check(value)) {
      throw new KafkaError(
        ErrorCode.INVALID_CONFIG,
        `the embedded broker does not do ${name}=${value}`,
      );
    }
    configs.set(name, value);
  }
  return configs;
}

/** What IncrementalAlterConfigs can do to one name here. Kafka also appends to lists and subtracts from them. */
const SET = 0;
const DELETE = 1;

/**
 * The configurations after one change.
 * @throws KafkaError INVALID_CONFIG
 */
export function alteredConfigs(
  configs: TopicConfigs,
  change: { name: string; operation: number; value: string | null },
): TopicConfigs {
  const { name, operation, value } = change;
  if (operation !== SET && operation !== DELETE) {
    throw new KafkaError(ErrorCode.INVALID_CONFIG, `${name}: values are set or deleted, whole`);
  }
  const altered = new Map(configs);
  const [checked] = checkedConfigs([{ name, value: operation === DELETE ? null : value ?? "" }]);
  if (checked === undefined) altered.delete(name);
  else altered.set(...checked);
  return altered;
}

/** Largest batch a topic takes. */
export function maxMessageBytes(configs: TopicConfigs): number {
  return Number(configs.get("max.message.bytes") ?? DEFAULT_MAX_MESSAGE_BYTES);
}
