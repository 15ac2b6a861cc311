/**
 * The settings of the embedded PostgreSQL, each with its reason: a small server on a laptop or in one container
 * that loads in large batches and must not lose anything it has acknowledged.
 *
 * They are written to `gmn-data-store.conf` in the cluster at every start, and `postgresql.conf` includes them; settings that
 * a user adds to `postgresql.conf` after the include line take precedence.
 */

/** One line of a PostgreSQL configuration file. */
type Setting = readonly [name: string, value: string, why: string];

/** Name of our file in the cluster directory. */
export const SETTINGS_FILE = "gmn-data-store.conf";

const SETTINGS: readonly Setting[] = [
  ["listen_addresses", "127.0.0.1", "this machine only"],
  ["unix_socket_directories", "", "none: their paths are limited to 107 bytes, and TCP does"],
  ["max_connections", "50", "three loaders, three small pools and people's tools"],
  ["fsync", "on", "what was acknowledged survives a power loss"],
  ["synchronous_commit", "on", "a batch is committed on the log only when it is on the disk"],
  ["full_page_writes", "on", "a torn page after a power loss can be repaired"],
  [
    "shared_buffers",
    "256MB",
    "the indexes that a load touches stay in memory; small enough for a laptop",
  ],
  ["maintenance_work_mem", "128MB", "index builds and vacuum"],
  ["max_wal_size", "2GB", "a large import is not held up by a checkpoint every 200,000 rows"],
  ["min_wal_size", "80MB", "an idle store gives the disk back"],
  ["checkpoint_timeout", "15min", "fewer full page images in the WAL of a large import"],
  ["checkpoint_completion_target", "0.9", "checkpoint writes are spread out"],
  [
    "wal_compression",
    "off",
    "pglz, the one this build has, took half the CPU of a load after a checkpoint",
  ],
  ["wal_level", "minimal", "nobody replicates from an embedded server"],
  ["max_wal_senders", "0", "required by wal_level = minimal"],
  ["autovacuum_naptime", "20s", "statistics follow an import soon"],
  ["TimeZone", "UTC", "all times of the GMN are UTC"],
  ["log_timezone", "UTC", "so is the server's log"],
  ["lc_messages", "C", "messages in one language, whatever the machine speaks"],
  ["log_min_messages", "warning", "the log file stays small"],
  ["log_checkpoints", "off", "the log file stays small"],
  [
    "log_min_error_statement",
    "panic",
    "failed statements can be megabytes; the error goes to the client",
  ],
  ["jit", "off", "compiling an 86-column query costs more than running it"],
];

const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** The whole text of the settings file. `overrides` are for tests. */
export function settingsFile(port: number, overrides: Readonly<Record<string, string>>): string {
  const lines = [
    "# Written at every start by the GMN Data Store; edit postgresql.conf (after the include) instead.",
    `port = ${port}`,
    ...SETTINGS.map(([name, value, why]) => `${name} = ${quoted(value)}  # ${why}`),
    ...Object.entries(overrides).map(([name, value]) => `${name} = ${quoted(value)}`),
  ];
  return lines.join("\n") + "\n";
}
