/**
 * Reads the settings of the service from the environment (or `.env`) into one typed and checked `Config`.
 *
 * Every setting is one entry of `SETTINGS`, with its default, its meaning and its check. The table in the docs and `--help` are
 * made from the same entries. No module below `service/` receives a `Config`: `service.ts` gives each module what it needs.
 */
import { resolve } from "node:path";
import { Cron } from "croner";
import { z } from "zod";
import { PermanentError } from "@gmn/failures";

/** What a process does. A process may have any combination of roles; a single process has all three. */
export const ROLES = ["producer", "consumer", "http"] as const;
export type Role = (typeof ROLES)[number];

/** Which Kafka is behind the log. */
const BROKERS = ["auto", "external", "redpanda", "docker", "embedded"] as const;
const SASL_MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

const port = z.string().regex(/^\d{1,5}$/, "a port number from 0 to 65535 (0 takes a free one)")
  .transform(Number).refine(
    (n) => n <= 65_535,
    "a port number from 0 to 65535 (0 takes a free one)",
  );
const yesOrNo = z.enum(["true", "false"], "true or false").transform((text) => text === "true");
const file = z.string().min(1, "a file");
const httpUrl = z.string().regex(/^https?:\/\/[^\s]+$/, "an http:// or https:// URL");

/** A cron pattern with at least one future time. */
const cronPattern = z.string().refine((text) => {
  try {
    return new Cron(text, { paused: true, timezone: "UTC" }).nextRun() !== null;
  } catch {
    return false;
  }
}, "a cron pattern in UTC, minute hour day month weekday, such as 0 1 * * *");

/** The demo's `DATA_DIR` if none is set, separate from real data. */
export const DEMO_DATA_DIRECTORY = "./data/demo";

/** A URL or a path that the producer reads from. `what` says what is allowed; other URL schemes are refused at the start. */
function location(what: string) {
  return z.string().min(1, what).refine((text) => {
    if (!/^[a-z][a-z0-9+.-]+:/i.test(text)) return true;
    const url = URL.parse(text);
    return url !== null && (url.protocol === "file:"
      // A file URL with a host names a file on another machine.
      ? url.host === ""
      : ["http:", "https:"].includes(url.protocol));
  }, what);
}

/** A whole number from `least` to `most`, written in digits. */
function whole(least: number, most: number, unit: string) {
  const allowed = `a whole number of ${unit} from ${least} to ${most}`;
  return z.string().regex(/^\d{1,12}$/, allowed).transform(Number)
    .refine((n) => n >= least && n <= most, allowed);
}

interface Setting<Out> {
  /** The value used for an unset variable; undefined when there is none. */
  readonly fallback: string | undefined;
  readonly meaning: string;
  readonly check: z.ZodType<Out, string>;
}

function setting<Out>(
  fallback: string | undefined,
  meaning: string,
  check: z.ZodType<Out, string>,
): Setting<Out> {
  return { fallback, meaning, check };
}

/** All settings, in the order of the table in the docs. */
export const SETTINGS = {
  HTTP_HOST: setting(
    "127.0.0.1",
    "address that the API listens on; anything but loopback needs `API_TOKEN`",
    z.string().min(1, "an address, such as 127.0.0.1 or 0.0.0.0"),
  ),
  HTTP_PORT: setting("8000", "port of the API", port),
  API_TOKEN: setting(
    undefined,
    "token required by calls that change something, sent as `Authorization: Bearer …`",
    z.string().min(16, "at least 16 characters"),
  ),
  METRICS_PORT: setting(
    undefined,
    "port that serves `/metrics`, `/healthz` and `/readyz` by themselves, for processes without the role `http` too",
    port,
  ),
  METRICS_HOST: setting(
    "127.0.0.1",
    "address of `METRICS_PORT`; anything but loopback is readable without a token, so keep it in your own network",
    z.string().min(1, "an address, such as 127.0.0.1 or 0.0.0.0"),
  ),
  DATA_DIR: setting(
    "./data",
    "folder for everything that survives a restart",
    z.string().min(1, "a folder"),
  ),
  GMN_DATA_URL: setting(
    "https://globalmeteornetwork.org/data/traj_summary_data/",
    "where the summary files are: an http(s) URL or a local folder",
    location("an http or https URL, a file:// URL, or the path of a folder"),
  ),
  GMN_REQUEST_INTERVAL_MS: setting(
    "10000",
    "minimum time between two requests to the source, in milliseconds (its robots.txt asks for 10 s)",
    whole(0, 3_600_000, "milliseconds"),
  ),
  IAU_SHOWER_URL: setting(
    "https://www.ta3.sk/IAUC22DB/MDC2022/Etc/streamfulldata{year}.txt",
    "where to look for an IAU shower list newer than the shipped one: an http(s) URL or a file. `{year}` stands for this year, or last year if there is no list yet; `off` turns this off",
    location("an http or https URL, a file:// URL, the path of a file, or off"),
  ),
  SCHEDULE: setting(
    "0 1 * * *",
    "when the daily extraction runs: a cron pattern, UTC",
    cronPattern,
  ),
  EXTRACT_DAYS: setting(
    "10",
    "how many days back the daily extraction looks",
    whole(1, 366, "days"),
  ),
  BROKER: setting(
    "auto",
    "which Kafka is behind the log: `external`, `redpanda` (a child process), `docker`, `embedded`, or `auto` for the first of these that is available",
    z.enum(BROKERS, "auto, external, redpanda, docker or embedded"),
  ),
  REDPANDA_BIN: setting(
    undefined,
    "path of `redpanda` or `rpk`, if it is neither `/opt/redpanda/bin/redpanda` nor on the PATH",
    z.string().min(1, "a path"),
  ),
  REDPANDA_MEMORY: setting(
    "1200M",
    "memory for a Redpanda that the service starts; it is allocated at once and must be more than 1 GiB",
    z.string().regex(/^\d{1,6}[MG]$/, "a size such as 1200M or 2G"),
  ),
  KAFKA_BROKERS: setting(
    undefined,
    "brokers of an external Kafka or Redpanda: `host:port`, separated by commas",
    z.string().regex(/^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/, "host:port, separated by commas").transform((
      text,
    ) => text.split(",")),
  ),
  KAFKA_TLS: setting("false", "whether to connect to `KAFKA_BROKERS` with TLS", yesOrNo),
  KAFKA_CA_FILE: setting(
    undefined,
    "CA certificates (PEM) for the brokers, if the system does not already trust them",
    file,
  ),
  KAFKA_CERT_FILE: setting(undefined, "client certificate (PEM), if the brokers require one", file),
  KAFKA_KEY_FILE: setting(undefined, "private key (PEM) of `KAFKA_CERT_FILE`", file),
  KAFKA_SASL_MECHANISM: setting(
    undefined,
    "how to log in to `KAFKA_BROKERS`: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`",
    z.enum(SASL_MECHANISMS, "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"),
  ),
  KAFKA_SASL_USER: setting(undefined, "user for that login", z.string()),
  KAFKA_SASL_PASSWORD: setting(undefined, "password for that login", z.string()),
  KAFKA_SESSION_TIMEOUT_MS: setting(
    "30000",
    "how long a silent consumer (killed, frozen) keeps its partitions before others get them, in milliseconds",
    whole(6_000, 300_000, "milliseconds"),
  ),
  KAFKA_REPLICATION_FACTOR: setting(
    undefined,
    "copies of each topic that is created on `KAFKA_BROKERS`: by default 3, or as many as there are brokers if these are fewer",
    whole(1, 32_767, "copies"),
  ),
  KAFKA_MIN_INSYNC_REPLICAS: setting(
    undefined,
    "how many copies must have a record before it is acknowledged: by default 2, or all if there are fewer",
    whole(1, 32_767, "copies"),
  ),
  KAFKA_PORT: setting("9092", "port of a broker that the service starts", port),
  SCHEMA_REGISTRY_URL: setting(
    undefined,
    "URL of the schema registry that goes with `KAFKA_BROKERS`",
    httpUrl.regex(
      /^https?:\/\/[^@]*$/,
      "a URL without user and password (they go into SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD)",
    ),
  ),
  SCHEMA_REGISTRY_USER: setting(undefined, "user, if the schema registry requires one", z.string()),
  SCHEMA_REGISTRY_PASSWORD: setting(undefined, "password of that user", z.string()),
  SCHEMA_REGISTRY_TOKEN: setting(
    undefined,
    "bearer token, if the schema registry requires one instead of a user",
    z.string().regex(/^\S+$/, "a token without spaces"),
  ),
  SCHEMA_REGISTRY_CA_FILE: setting(
    undefined,
    "CA certificates (PEM) for the schema registry, if the system does not already trust them",
    file,
  ),
  SCHEMA_REGISTRY_PORT: setting("8081", "port of a schema registry that the service starts", port),
  DATABASE_URL: setting(
    undefined,
    "URL of the data store's PostgreSQL; without it, an embedded PostgreSQL runs under `DATA_DIR`",
    z.string().regex(/^postgres(ql)?:\/\/\S+$/, "a postgres:// URL"),
  ),
  DISK_FREE_MIN_MB: setting(
    "1024",
    "free space that the disks of an embedded log and database must keep, in MiB: with less, runs wait until there is space; 0 turns this off",
    whole(0, 1_000_000, "MiB"),
  ),
  POSTGRES_PORT: setting("5433", "port of the embedded PostgreSQL", port),
  HEARTBEAT_URL: setting(
    undefined,
    "URL to request after each daily run whose rows are all loaded (for a dead man's switch)",
    httpUrl,
  ),
  ROLES: setting(
    "producer,consumer,http",
    "what this process does, separated by commas: `producer`, `consumer`, `http`",
    z.string().transform((text) => text.split(",").map((role) => role.trim())).pipe(
      z.array(z.enum(ROLES, "producer, consumer, http or several of them, separated by commas"))
        .min(1),
    ),
  ),
  LOG_LEVEL: setting(
    "info",
    "lowest level that is logged: `debug`, `info`, `warning`, `error`",
    z.enum(["debug", "info", "warning", "error"], "debug, info, warning or error"),
  ),
  LOG_FORMAT: setting(
    "auto",
    "`human` lines, `json` lines, or `auto`: human on a terminal, JSON otherwise",
    z.enum(["auto", "human", "json"], "auto, human or json"),
  ),
} satisfies Record<string, Setting<unknown>>;

type SettingName = keyof typeof SETTINGS;
type Values = { [Name in SettingName]: z.output<(typeof SETTINGS)[Name]["check"]> | undefined };

/** The checked settings. Times are in milliseconds; null means not set. */
export type Config = Readonly<ReturnType<typeof toConfig>>;

/**
 * Reads the configuration from `environment`.
 * @throws PermanentError that names every invalid setting, its value and what is allowed
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, { fallback, check }] of Object.entries(SETTINGS)) {
    // An empty variable counts as unset: shells and container platforms use it for "no value".
    const text = environment[name]?.trim() || fallback;
    if (text === undefined) continue;
    const checked = check.safeParse(text);
    if (checked.success) values[name] = checked.data;
    else {problems.push(
        `${name}=${shown(name, text)}: must be ${
          checked.error.issues[0]?.message ?? "something else"
        }`,
      );}
  }
  if (problems.length === 0) problems.push(...relationProblems(values as Values));
  if (problems.length > 0) {
    throw new PermanentError(`bad settings:\n  ${problems.join("\n  ")}`, {
      hint:
        "Correct them in the environment or in .env; `deno task start --help` lists all settings.",
    });
  }
  return toConfig(values as Values);
}

/** Settings that are secrets or may contain one. */
const SECRETS: ReadonlySet<string> = new Set([
  "API_TOKEN",
  "DATABASE_URL",
  "HEARTBEAT_URL",
  "KAFKA_SASL_PASSWORD",
  "SCHEMA_REGISTRY_URL",
  "SCHEMA_REGISTRY_PASSWORD",
  "SCHEMA_REGISTRY_TOKEN",
]);

/** A setting's value for a message. Secrets are never shown, not even invalid ones. */
function shown(name: string, text: string): string {
  return SECRETS.has(name) ? "(not shown)" : JSON.stringify(text);
}

/** Whether an address is only reachable from this machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Contradictions between settings that are valid individually. */
function relationProblems(values: Values): string[] {
  const problems: string[] = [];
  if (!isLoopback(values.HTTP_HOST ?? "") && values.API_TOKEN === undefined) {
    problems.push(
      `HTTP_HOST=${JSON.stringify(values.HTTP_HOST)}: is not loopback, so API_TOKEN must be set ` +
        `(otherwise anyone who reaches the port could start runs)`,
    );
  }
  problems.push(...brokerProblems(values));
  const ports = new Map<number, string>();
  for (
    const name of [
      "HTTP_PORT",
      "METRICS_PORT",
      "KAFKA_PORT",
      "SCHEMA_REGISTRY_PORT",
      "POSTGRES_PORT",
    ] as const
  ) {
    // A process without the API does not use its port.
    if (name === "HTTP_PORT" && !(values.ROLES ?? []).includes("http")) continue;
    const number = values[name] ?? 0;
    const other = ports.get(number);
    if (number !== 0 && other !== undefined) {
      problems.push(
        `${name}="${number}": is ${other}'s port too`,
      );
    }
    ports.set(number, name);
  }
  return problems;
}

/** Contradictions between the settings of the broker and its registry. */
function brokerProblems(values: Values): string[] {
  const problems: string[] = [];
  const isSet = (name: SettingName) => values[name] !== undefined;
  const { BROKER } = values;
  const isExternal = BROKER === "external" || (BROKER === "auto" && isSet("KAFKA_BROKERS"));
  if (BROKER === "external" && !isSet("KAFKA_BROKERS")) {
    problems.push(`BROKER="external": needs KAFKA_BROKERS`);
  }
  if (!isExternal && isSet("KAFKA_BROKERS")) {
    problems.push(
      `BROKER="${BROKER}": contradicts KAFKA_BROKERS, which names another broker; unset one of them`,
    );
  }
  if (isExternal && !isSet("SCHEMA_REGISTRY_URL")) {
    problems.push(`KAFKA_BROKERS: needs SCHEMA_REGISTRY_URL, the registry that goes with it`);
  }
  for (const [name, needed] of REQUIRES) {
    if (isSet(name) && !isSet(needed)) problems.push(`${name}: needs ${needed}`);
  }
  for (const name of ["KAFKA_CA_FILE", "KAFKA_CERT_FILE"] as const) {
    if (isSet(name) && values.KAFKA_TLS !== true) problems.push(`${name}: needs KAFKA_TLS=true`);
  }
  const { KAFKA_REPLICATION_FACTOR: copies, KAFKA_MIN_INSYNC_REPLICAS: inSync } = values;
  if (copies !== undefined && inSync !== undefined && inSync > copies) {
    problems.push(
      `KAFKA_MIN_INSYNC_REPLICAS="${inSync}": is more than KAFKA_REPLICATION_FACTOR="${copies}", so no record could be acknowledged`,
    );
  }
  if (isSet("SCHEMA_REGISTRY_TOKEN") && isSet("SCHEMA_REGISTRY_USER")) {
    problems.push(`SCHEMA_REGISTRY_TOKEN: contradicts SCHEMA_REGISTRY_USER; unset one of them`);
  }
  return problems;
}

/** Settings that require another setting. */
const REQUIRES: readonly (readonly [SettingName, SettingName])[] = [
  ["SCHEMA_REGISTRY_URL", "KAFKA_BROKERS"],
  ["KAFKA_CERT_FILE", "KAFKA_KEY_FILE"],
  ["KAFKA_KEY_FILE", "KAFKA_CERT_FILE"],
  ["KAFKA_SASL_MECHANISM", "KAFKA_BROKERS"],
  ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USER"],
  ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_PASSWORD"],
  ["KAFKA_SASL_USER", "KAFKA_SASL_MECHANISM"],
  ["KAFKA_SASL_PASSWORD", "KAFKA_SASL_MECHANISM"],
  ["KAFKA_REPLICATION_FACTOR", "KAFKA_BROKERS"],
  ["KAFKA_MIN_INSYNC_REPLICAS", "KAFKA_BROKERS"],
  ["SCHEMA_REGISTRY_USER", "SCHEMA_REGISTRY_URL"],
  ["SCHEMA_REGISTRY_PASSWORD", "SCHEMA_REGISTRY_USER"],
  ["SCHEMA_REGISTRY_TOKEN", "SCHEMA_REGISTRY_URL"],
  ["SCHEMA_REGISTRY_CA_FILE", "SCHEMA_REGISTRY_URL"],
];

function toConfig(values: Values) {
  // Only settings with a fallback are read through `given`, so they are set.
  const given = values as { readonly [Name in SettingName]: NonNullable<Values[Name]> };
  return {
    httpHost: given.HTTP_HOST,
    httpPort: given.HTTP_PORT,
    apiToken: values.API_TOKEN ?? null,
    metricsHost: given.METRICS_HOST,
    /** null: metrics have no port of their own. */
    metricsPort: values.METRICS_PORT ?? null,
    /** Absolute path. */
    dataDirectory: resolve(given.DATA_DIR),
    gmnDataUrl: given.GMN_DATA_URL,
    gmnRequestInterval_ms: given.GMN_REQUEST_INTERVAL_MS,
    /** null: the list is never fetched; names come from the list already in use, or from the shipped one. */
    iauShowerUrl: given.IAU_SHOWER_URL === "off" ? null : given.IAU_SHOWER_URL,
    schedule: given.SCHEDULE,
    extractDays: given.EXTRACT_DAYS,
    broker: given.BROKER,
    kafkaBrokers: (values.KAFKA_BROKERS ?? null) as readonly string[] | null,
    kafkaSessionTimeout_ms: given.KAFKA_SESSION_TIMEOUT_MS,
    /** Copies of the topics on an external Kafka; null: see events/replication.ts. */
    kafkaReplication: {
      factor: values.KAFKA_REPLICATION_FACTOR ?? null,
      minInsync: values.KAFKA_MIN_INSYNC_REPLICAS ?? null,
    },
    kafkaPort: given.KAFKA_PORT,
    schemaRegistryUrl: values.SCHEMA_REGISTRY_URL ?? null,
    schemaRegistryPort: given.SCHEMA_REGISTRY_PORT,
    redpandaBin: values.REDPANDA_BIN ?? null,
    redpandaMemory: given.REDPANDA_MEMORY,
    /** How to connect to an external Kafka. Files are paths as given in the settings; they are read when connecting. */
    kafkaSecurity: {
      tls: given.KAFKA_TLS,
      caFile: values.KAFKA_CA_FILE ?? null,
      certFile: values.KAFKA_CERT_FILE ?? null,
      keyFile: values.KAFKA_KEY_FILE ?? null,
      sasl: values.KAFKA_SASL_MECHANISM === undefined ? null : {
        mechanism: values.KAFKA_SASL_MECHANISM,
        user: values.KAFKA_SASL_USER ?? "",
        password: values.KAFKA_SASL_PASSWORD ?? "",
      },
    },
    /** How to connect to an external schema registry. */
    schemaRegistrySecurity: {
      login: values.SCHEMA_REGISTRY_USER === undefined ? null : {
        user: values.SCHEMA_REGISTRY_USER,
        password: values.SCHEMA_REGISTRY_PASSWORD ?? "",
      },
      token: values.SCHEMA_REGISTRY_TOKEN ?? null,
      caFile: values.SCHEMA_REGISTRY_CA_FILE ?? null,
    },
    diskFreeMin_MiB: given.DISK_FREE_MIN_MB,
    databaseUrl: values.DATABASE_URL ?? null,
    postgresPort: given.POSTGRES_PORT,
    heartbeatUrl: values.HEARTBEAT_URL ?? null,
    roles: new Set(given.ROLES) as ReadonlySet<Role>,
    logLevel: given.LOG_LEVEL,
    logFormat: given.LOG_FORMAT,
  };
}

/** The settings as a plain text table, for `--help`. */
export function settingsHelp(): string {
  const names = Object.keys(SETTINGS);
  const width = Math.max(...names.map((name) => name.length));
  return Object.entries(SETTINGS)
    .map(([name, { fallback, meaning }]) =>
      `  ${name.padEnd(width)}  ${meaning.replaceAll("`", "")}${
        fallback === undefined ? "" : ` [${fallback}]`
      }`
    ).join("\n");
}
