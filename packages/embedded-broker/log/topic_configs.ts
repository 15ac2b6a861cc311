/**
 * Topic configurations: which names are known, which values are accepted, and which of them this broker implements.
 *
 * The broker must not claim features that it lacks. A configuration without an effect that clients can see (segment sizes)
 * is accepted and stored. One that is not implemented but harmless (compaction, retention: the broker keeps more than
 * requested) is accepted, stored and documented in docs/embedded-broker.md. One that would make the broker's answers wrong
 * (timestamps set by the broker, recompression) is refused.
 */
import { ErrorCode } from "@gmn/kafka-formats";
import { KafkaError } from "../protocol/kafka_error.ts";

/** Checks a value: true when it is accepted. */
type Check = (value: string) => boolean;

interface ConfigDefinition {
  readonly fallback: string;
  readonly check: Check;
}

const anyOf = (...values: string[]): Check => (value) => values.includes(value);
const integer = (least: number, most = Infinity): Check => (value) =>
  /^-?\d{1,15}$/.test(value) && Number(value) >= least && Number(value) <= most;

/** 1 MiB, like Redpanda's default and close to Kafka's, so that all of them refuse the same batches. */
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_576;
/** A batch is copied several times in memory; nobody needs larger ones. */
const MAX_MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** The known topic configurations, with the defaults in effect here. */
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

/** The configurations set for one topic; all others have their defaults. */
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
 * Checks the values that a client sets. A null value means the default.
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

/** The supported operations of IncrementalAlterConfigs. Kafka also appends to lists and subtracts from them. */
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

/** Size of the largest batch that a topic accepts. */
export function maxMessageBytes(configs: TopicConfigs): number {
  return Number(configs.get("max.message.bytes") ?? DEFAULT_MAX_MESSAGE_BYTES);
}
