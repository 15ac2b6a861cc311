/**
 * The settings of the embedded PostgreSQL, each with its reason: a small server on somebody's laptop or in one container,
 * that loads in large batches and must lose nothing it has acknowledged.
 *
 * They are written to `gmn-data-store.conf` in the cluster at every start, included by `postgresql.conf`; whatever a
 * person adds to `postgresql.conf` after the include line wins.
 */

/** One line of a PostgreSQL configuration file. */
interface Setting {
  readonly name: string;
  readonly value: string;
  readonly why: string;
}

/** Name of our file in the cluster directory. */
export const SETTINGS_FILE = "gmn-data-store.conf";

const SETTINGS: readonly Setting[] = [
  { name: "listen_addresses", value: "127.0.0.1", why: "this machine only" },
  {
    name: "unix_socket_directories",
    value: "",
    why: "none: their paths are limited to 107 bytes, and TCP does",
  },
  {
    name: "max_connections",
    value: "50",
    why: "three loaders, three small pools and people's tools",
  },
  {
    name: "fsync",
    value: "on",
    why: "what was acknowledged survives a power loss",
  },
  {
    name: "synchronous_commit",
    value: "on",
    why: "a batch is committed on the log only when it is on the disk",
  },
  {
    name: "full_page_writes",
    value: "on",
    why: "a torn page after a power loss can be repaired",
  },
  {
    name: "shared_buffers",
    value: "256MB",
    why: "the indexes that a load touches stay in memory; small enough for a laptop",
  },
  {
    name: "maintenance_work_mem",
    value: "128MB",
    why: "index builds and vacuum",
  },
  {
    name: "max_wal_size",
    value: "2GB",
    why: "a large import is not held up by a checkpoint every 200,000 rows",
  },
  {
    name: "min_wal_size",
    value: "80MB",
    why: "an idle store gives the disk back",
  },
  {
    name: "checkpoint_timeout",
    value: "15min",
    why: "fewer full page images in the WAL of a large import",
  },
  {
    name: "checkpoint_completion_target",
    value: "0.9",
    why: "checkpoint writes are spread out",
  },
  {
    name: "wal_compression",
    value: "off",
    why: "pglz, the one this build has, took half the CPU of a load after a checkpoint",
  },
  {
    name: "wal_level",
    value: "minimal",
    why: "nobody replicates from an embedded server",
  },
  {
    name: "max_wal_senders",
    value: "0",
    why: "required by wal_level = minimal",
  },
  {
    name: "autovacuum_naptime",
    value: "20s",
    why: "statistics follow an import soon",
  },
  { name: "TimeZone", value: "UTC", why: "all times of the GMN are UTC" },
  { name: "log_timezone", value: "UTC", why: "so is the server's log" },
  {
    name: "lc_messages",
    value: "C",
    why: "messages in one language, whatever the machine speaks",
  },
  {
    name: "log_min_messages",
    value: "warning",
    why: "the log file stays small",
  },
  { name: "log_checkpoints", value: "off", why: "the log file stays small" },
  {
    name: "log_min_error_statement",
    value: "panic",
    why: "failed statements can be megabytes; the error goes to the client",
  },
  {
    name: "jit",
    value: "off",
    why: "compiling an 86-column query costs more than running it",
  },
];

const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** The whole text of the settings file. `overrides` are for tests. */
export function settingsFile(
  port: number,
  overrides: Readonly<Record<string, string>>,
): string {
  const lines = [
    "# Written at every start by the GMN Data Store; edit postgresql.conf (after the include) instead.",
    `port = ${port}`,
    ...SETTINGS.map(({ name, value, why }) => `${name} = ${quoted(value)}  # ${why}`),
    ...Object.entries(overrides).map(([name, value]) => `${name} = ${quoted(value)}`),
  ];
  return lines.join("\n") + "\n";
}
