/**
 * Topic configurations: which names are known, which values are taken, and which of them this broker acts on.
 *
 * A client that asks for something the broker does not do must not be led to believe it does. So: what has no effect on
 * what clients see (segment sizes, flush intervals) is accepted and kept; what would change the data and is not done
 * here, but does no harm undone (compaction, retention: more is kept than was asked for), is accepted, kept, and
 * written down in docs/embedded-broker.md; what would make the broker answer wrongly (timestamps set by the broker,
 * recompression) is refused.
 */
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";

/** A value's check: true when it is taken. */
type Check = (value: string) => boolean;

interface ConfigDefinition {
  readonly fallback: string;
  readonly check: Check;
}

const anyOf = (...values: string[]): Check => (value) => values.includes(value);
const integer = (least: number): Check => (value) =>
  /^-?\d{1,15}$/.test(value) && Number(value) >= least;
const ratio: Check = (value) => Number(value) >= 0 && Number(value) <= 1;
const boolean = anyOf("true", "false");

/** 1 MiB, as Redpanda's and near Kafka's default: what is too large here is too large there. */
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_576;
/** A batch is held in memory several times on its way; nobody needs larger ones. */
const MAX_MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** Kafka's topic configurations with the defaults that are in effect here. */
const DEFINITIONS: Readonly<Record<string, ConfigDefinition>> = {
  "cleanup.policy": {
    fallback: "delete",
    check: anyOf("delete", "compact", "compact,delete", "delete,compact"),
  },
  "compression.type": { fallback: "producer", check: anyOf("producer") },
  "delete.retention.ms": { fallback: "86400000", check: integer(0) },
  "file.delete.delay.ms": { fallback: "60000", check: integer(0) },
  "flush.messages": { fallback: "1", check: integer(1) },
  "flush.ms": { fallback: "0", check: integer(0) },
  "index.interval.bytes": { fallback: "4096", check: integer(0) },
  "max.compaction.lag.ms": { fallback: "9223372036854775807", check: () => true },
  "max.message.bytes": {
    fallback: String(DEFAULT_MAX_MESSAGE_BYTES),
    check: (value) => integer(1)(value) && Number(value) <= MAX_MAX_MESSAGE_BYTES,
  },
  "message.timestamp.type": { fallback: "CreateTime", check: anyOf("CreateTime") },
  "min.cleanable.dirty.ratio": { fallback: "0.5", check: ratio },
  "min.compaction.lag.ms": { fallback: "0", check: integer(0) },
  "min.insync.replicas": { fallback: "1", check: anyOf("1") },
  "preallocate": { fallback: "false", check: boolean },
  "retention.bytes": { fallback: "-1", check: integer(-1) },
  "retention.ms": { fallback: "-1", check: integer(-1) },
  "segment.bytes": { fallback: "1073741824", check: integer(14) },
  "segment.index.bytes": { fallback: "10485760", check: integer(4) },
  "segment.jitter.ms": { fallback: "0", check: integer(0) },
  "segment.ms": { fallback: "604800000", check: integer(1) },
  "unclean.leader.election.enable": { fallback: "false", check: boolean },
};

/** Names whose value is a comma-separated list: they can be appended to and subtracted from. */
const LISTS = new Set(["cleanup.policy"]);

/** What was set for one topic; everything else has its default. */
export type TopicConfigs = ReadonlyMap<string, string>;

/** A configuration as it is in effect. */
export interface EffectiveConfig {
  readonly name: string;
  readonly value: string;
  readonly isDefault: boolean;
  readonly fallback: string;
}

/** All configurations of a topic, in order of their names. */
export function effectiveConfigs(configs: TopicConfigs): EffectiveConfig[] {
  return Object.entries(DEFINITIONS).map(([name, { fallback }]) => ({
    name,
    value: configs.get(name) ?? fallback,
    isDefault: !configs.has(name),
    fallback,
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

/** What IncrementalAlterConfigs can do to one name. */
export const AlterOperation = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const;

/**
 * The configurations after one change.
 * @throws KafkaError INVALID_CONFIG
 */
export function alteredConfigs(
  configs: TopicConfigs,
  change: { name: string; operation: number; value: string | null },
): Map<string, string> {
  const { name, operation, value } = change;
  const altered = new Map(configs);
  checkedConfigs([{ name, value: null }]); // throws for an unknown name, also when deleting
  if (operation === AlterOperation.DELETE) altered.delete(name);
  else if (operation === AlterOperation.SET) altered.set(name, value ?? "");
  else if (!LISTS.has(name)) {
    throw new KafkaError(ErrorCode.INVALID_CONFIG, `${name} is not a list`);
  } else {
    const parts = new Set((altered.get(name) ?? DEFINITIONS[name].fallback).split(","));
    for (const part of (value ?? "").split(",")) {
      if (operation === AlterOperation.APPEND) parts.add(part);
      else parts.delete(part);
    }
    altered.set(name, [...parts].join(","));
  }
  return checkedConfigs([...altered].map(([name, value]) => ({ name, value })));
}

/** Largest batch a topic takes. */
export function maxMessageBytes(configs: TopicConfigs): number {
  return Number(configs.get("max.message.bytes") ?? DEFAULT_MAX_MESSAGE_BYTES);
}
