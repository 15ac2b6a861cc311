/**
 * What Redpanda's documentation and source say that it takes: flags of the two programs, keys of the two files. The stand-in
 * refuses everything else, so that a flag that only rpk knows, or a property that does not exist, fails a test.
 *
 * Sources: Redpanda's documentation 26.2 (rpk-redpanda-start, node and cluster properties), its source (application.cc, rpk's
 * start.go and redpanda_yaml.go), and Seastar's options.
 */

/** Options of the broker's own program. Those without a value are given as `true`. */
export const BROKER_FLAGS = new Set([
  "redpanda-cfg",
  "smp",
  "memory",
  "reserve-memory",
  "overprovisioned",
  "lock-memory",
  "unsafe-bypass-fsync",
  "default-log-level",
]);

/** Options of `rpk redpanda start`, as far as this project may use them; rpk passes those of Seastar on. */
export const RPK_FLAGS = new Set([
  "config",
  "check",
  "mode",
  "smp",
  "memory",
  "reserve-memory",
  "overprovisioned",
  "lock-memory",
  "unsafe-bypass-fsync",
  "default-log-level",
]);

/** Options without a value or with `=value`. */
export const SWITCHES = new Set(["overprovisioned", "lock-memory", "unsafe-bypass-fsync", "check"]);

type Check = (value: unknown) => boolean;
const isString: Check = (value) => typeof value === "string";
const isBoolean: Check = (value) => typeof value === "boolean";
const isNatural: Check = (value) => Number.isInteger(value) && (value as number) >= 0;
const isAddress: Check = (value) => {
  const { address, port } = (value ?? {}) as { address?: unknown; port?: unknown };
  return isString(address) && isNatural(port) && (port as number) > 0;
};
const isAddresses: Check = (value) =>
  Array.isArray(value) && value.length > 0 && value.every(isAddress);

/** Node properties under `redpanda:`. */
export const NODE_PROPERTIES: Readonly<Record<string, Check>> = {
  data_directory: (value) => isString(value) && (value as string).startsWith("/"),
  developer_mode: isBoolean,
  empty_seed_starts_cluster: isBoolean,
  seed_servers: Array.isArray,
  crash_loop_limit: (value) => value === null || isNatural(value),
  rpc_server: isAddress,
  advertised_rpc_api: isAddress,
  kafka_api: isAddresses,
  advertised_kafka_api: isAddresses,
  admin: isAddresses,
};

/** Node properties under `schema_registry:`. */
export const REGISTRY_PROPERTIES: Readonly<Record<string, Check>> = {
  schema_registry_api: isAddresses,
};

/** Cluster properties of `.bootstrap.yaml`. */
export const CLUSTER_PROPERTIES: Readonly<Record<string, Check>> = {
  auto_create_topics_enabled: isBoolean,
  write_caching_default: (value) => ["true", "false", "disabled"].includes(value as string),
  storage_min_free_bytes: isNatural,
  segment_fallocation_step: isNatural,
  group_topic_partitions: isNatural,
  group_initial_rebalance_delay: isNatural,
  internal_topic_replication_factor: isNatural,
  enable_metrics_reporter: isBoolean,
};

/** @throws Error naming the first key of `section` that is unknown or has a value of the wrong kind */
export function assertDocumented(
  section: unknown,
  documented: Readonly<Record<string, Check>>,
  where: string,
): Record<string, unknown> {
  if (typeof section !== "object" || section === null) throw new Error(`${where} is missing`);
  for (const [key, value] of Object.entries(section)) {
    const check = documented[key];
    if (check === undefined) throw new Error(`${where}: unknown property ${key}`);
    if (!check(value)) throw new Error(`${where}: ${key} can't be ${JSON.stringify(value)}`);
  }
  return section as Record<string, unknown>;
}
