/**
 * The settings of the service: environment (or `.env`) in, one typed and checked `Config` out.
 *
 * Every setting is one entry of `SETTINGS` with its default, its meaning and its check; the README's table and `--help`
 * are made from the same entries. No module below `service/` sees a `Config`: `service.ts` gives each what it needs.
 */
import { resolve } from "node:path";
import { Cron } from "croner";
import { z } from "zod";
import { PermanentError } from "@gmn/failures";

/** What a process does. A process may have any combination; a single process has all three. */
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

/** A cron pattern with at least one time ahead. */
const cronPattern = z.string().refine((text) => {
  try {
    return new Cron(text, { paused: true, timezone: "UTC" }).nextRun() !== null;
  } catch {
    return false;
  }
}, "a cron pattern in UTC, minute hour day month weekday, such as 0 1 * * *");

/** `DATA_DIR` of the demo where nobody chose one: apart from real data. */
export const DEMO_DATA_DIRECTORY = "./data/demo";

/** Where the producer reads something: a URL or a path. `what` says what is allowed; another scheme is refused at the start. */
function location(what: string) {
  return z.string().min(1, what).refine((text) => {
    if (!/^[a-z][a-z0-9+.-]+:/i.test(text)) return true;
    const url = URL.parse(text);
    return url !== null && (url.protocol === "file:"
      // A file of another machine is no file.
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
  /** The text that stands for an unset variable; undefined means: not set. */
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

/** All settings. The order is that of the README's table. */
export const SETTINGS = {
  HTTP_HOST: setting(
    "127.0.0.1",
    "address that the API listens on; anything but loopback needs `API_TOKEN`",
    z.string().min(1, "an address, such as 127.0.0.1 or 0.0.0.0"),
  ),
  HTTP_PORT: setting("8000", "port of the API", port),
  API_TOKEN: setting(
    undefined,
    "token that calls which change something must send as `Authorization: Bearer …`",
    z.string().min(16, "at least 16 characters"),
  ),
  DATA_DIR: setting(
    "./data",
    "folder of everything that survives a restart",
    z.string().min(1, "a folder"),
  ),
  GMN_DATA_URL: setting(
    "https://globalmeteornetwork.org/data/traj_summary_data/",
    "where the summary files are: an http(s) URL or a local folder",
    location("an http or https URL, a file:// URL, or the path of a folder"),
  ),
  GMN_REQUEST_INTERVAL_MS: setting(
    "10000",
    "least time between two requests to the source, in milliseconds (its robots.txt asks for 10 s)",
    whole(0, 3_600_000, "milliseconds"),
  ),
  IAU_SHOWER_URL: setting(
    "https://www.ta3.sk/IAUC22DB/MDC2022/Etc/streamfulldata{year}.txt",
    "an IAU shower list newer than the shipped one: an http(s) URL or a file, `{year}` is this year or else the last; `off`: never fetched",
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
    "which Kafka is behind the log: `external`, `redpanda` (a child process), `docker`, `embedded`, or `auto`: the first of them that is there",
    z.enum(BROKERS, "auto, external, redpanda, docker or embedded"),
  ),
  REDPANDA_BIN: setting(
    undefined,
    "Redpanda's program (`redpanda` or `rpk`), where it is neither `/opt/redpanda/bin/redpanda` nor on the PATH",
    z.string().min(1, "a path"),
  ),
  REDPANDA_MEMORY: setting(
    "1200M",
    "memory of a Redpanda that is started here; it takes all of it at once, and needs more than 1 GiB",
    z.string().regex(/^\d{1,6}[MG]$/, "a size such as 1200M or 2G"),
  ),
  KAFKA_BROKERS: setting(
    undefined,
    "brokers of an external Kafka or Redpanda: `host:port`, separated by commas",
    z.string().regex(/^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/, "host:port, separated by commas").transform((
      text,
    ) => text.split(",")),
  ),
  KAFKA_TLS: setting("false", "whether `KAFKA_BROKERS` speak TLS", yesOrNo),
  KAFKA_CA_FILE: setting(
    undefined,
    "certificates (PEM) of the authorities that sign the brokers' certificates, where the system does not know them",
    file,
  ),
  KAFKA_CERT_FILE: setting(undefined, "client certificate (PEM), where brokers ask for one", file),
  KAFKA_KEY_FILE: setting(undefined, "private key (PEM) of `KAFKA_CERT_FILE`", file),
  KAFKA_SASL_MECHANISM: setting(
    undefined,
    "how to log in to `KAFKA_BROKERS`: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`",
    z.enum(SASL_MECHANISMS, "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"),
  ),
  KAFKA_SASL_USER: setting(undefined, "user for it", z.string()),
  KAFKA_SASL_PASSWORD: setting(undefined, "password for it", z.string()),
  KAFKA_SESSION_TIMEOUT_MS: setting(
    "30000",
    "how long a consumer that says nothing (killed, frozen) keeps its partitions from the others, in milliseconds",
    whole(6_000, 300_000, "milliseconds"),
  ),
  KAFKA_PORT: setting("9092", "port of a broker that is started here", port),
  SCHEMA_REGISTRY_URL: setting(
    undefined,
    "schema registry that goes with `KAFKA_BROKERS`",
    httpUrl.regex(
      /^https?:\/\/[^@]*$/,
      "a URL without user and password (they go into SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD)",
    ),
  ),
  SCHEMA_REGISTRY_USER: setting(undefined, "user, where it asks for one", z.string()),
  SCHEMA_REGISTRY_PASSWORD: setting(undefined, "password of that user", z.string()),
  SCHEMA_REGISTRY_TOKEN: setting(
    undefined,
    "bearer token, where it asks for one instead of a user",
    z.string().regex(/^\S+$/, "a token without spaces"),
  ),
  SCHEMA_REGISTRY_CA_FILE: setting(
    undefined,
    "certificates (PEM) of the authorities that sign the registry's, where the system does not know them",
    file,
  ),
  SCHEMA_REGISTRY_PORT: setting("8081", "port of a schema registry that is started here", port),
  DATABASE_URL: setting(
    undefined,
    "PostgreSQL of the data store; unset: an embedded PostgreSQL under `DATA_DIR`",
    z.string().regex(/^postgres(ql)?:\/\/\S+$/, "a postgres:// URL"),
  ),
  POSTGRES_PORT: setting("5433", "port of the embedded PostgreSQL", port),
  HEARTBEAT_URL: setting(
    undefined,
    "URL that is asked for after each daily run whose rows are all loaded (a dead man's switch)",
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
    "least level that is logged: `debug`, `info`, `warning`, `error`",
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

/** The settings after checking. Times in milliseconds; null means: not set. */
export type Config = Readonly<ReturnType<typeof toConfig>>;

/**
 * The configuration that `environment` gives.
 * @throws PermanentError that names every bad setting, its value and what is allowed
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, { fallback, check }] of Object.entries(SETTINGS)) {
    // An empty variable is an unset one: that is how shells and container platforms write "nothing".
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

/** Settings that are secrets, or may hold one. */
const SECRETS: ReadonlySet<string> = new Set([
  "API_TOKEN",
  "DATABASE_URL",
  "HEARTBEAT_URL",
  "KAFKA_SASL_PASSWORD",
  "SCHEMA_REGISTRY_URL",
  "SCHEMA_REGISTRY_PASSWORD",
  "SCHEMA_REGISTRY_TOKEN",
]);

/** Values of secrets are never shown, not even wrong ones. */
function shown(name: string, text: string): string {
  return SECRETS.has(name) ? "(not shown)" : JSON.stringify(text);
}

/** Whether an address is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** What is wrong between settings that are right one by one. */
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
    const name of ["HTTP_PORT", "KAFKA_PORT", "SCHEMA_REGISTRY_PORT", "POSTGRES_PORT"] as const
  ) {
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

/** What is wrong between the settings of the broker and its registry. */
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
  for (const [name, needed] of GO_WITH) {
    if (isSet(name) && !isSet(needed)) problems.push(`${name}: needs ${needed}`);
  }
  for (const name of ["KAFKA_CA_FILE", "KAFKA_CERT_FILE"] as const) {
    if (isSet(name) && values.KAFKA_TLS !== true) problems.push(`${name}: needs KAFKA_TLS=true`);
  }
  if (isSet("SCHEMA_REGISTRY_TOKEN") && isSet("SCHEMA_REGISTRY_USER")) {
    problems.push(`SCHEMA_REGISTRY_TOKEN: contradicts SCHEMA_REGISTRY_USER; unset one of them`);
  }
  return problems;
}

/** Settings that mean nothing without another. */
const GO_WITH: readonly (readonly [SettingName, SettingName])[] = [
  ["SCHEMA_REGISTRY_URL", "KAFKA_BROKERS"],
  ["KAFKA_CERT_FILE", "KAFKA_KEY_FILE"],
  ["KAFKA_KEY_FILE", "KAFKA_CERT_FILE"],
  ["KAFKA_SASL_MECHANISM", "KAFKA_BROKERS"],
  ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USER"],
  ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_PASSWORD"],
  ["KAFKA_SASL_USER", "KAFKA_SASL_MECHANISM"],
  ["KAFKA_SASL_PASSWORD", "KAFKA_SASL_MECHANISM"],
  ["SCHEMA_REGISTRY_USER", "SCHEMA_REGISTRY_URL"],
  ["SCHEMA_REGISTRY_PASSWORD", "SCHEMA_REGISTRY_USER"],
  ["SCHEMA_REGISTRY_TOKEN", "SCHEMA_REGISTRY_URL"],
  ["SCHEMA_REGISTRY_CA_FILE", "SCHEMA_REGISTRY_URL"],
];

function toConfig(values: Values) {
  // Set, because they have a fallback.
  const given = values as { readonly [Name in SettingName]: NonNullable<Values[Name]> };
  return {
    httpHost: given.HTTP_HOST,
    httpPort: given.HTTP_PORT,
    apiToken: values.API_TOKEN ?? null,
    /** Absolute path. */
    dataDirectory: resolve(given.DATA_DIR),
    gmnDataUrl: given.GMN_DATA_URL,
    gmnRequestInterval_ms: given.GMN_REQUEST_INTERVAL_MS,
    /** null: never fetched; names come from the list in use already, or from the shipped one. */
    iauShowerUrl: given.IAU_SHOWER_URL === "off" ? null : given.IAU_SHOWER_URL,
    schedule: given.SCHEDULE,
    extractDays: given.EXTRACT_DAYS,
    broker: given.BROKER,
    kafkaBrokers: (values.KAFKA_BROKERS ?? null) as readonly string[] | null,
    kafkaSessionTimeout_ms: given.KAFKA_SESSION_TIMEOUT_MS,
    kafkaPort: given.KAFKA_PORT,
    schemaRegistryUrl: values.SCHEMA_REGISTRY_URL ?? null,
    schemaRegistryPort: given.SCHEMA_REGISTRY_PORT,
    redpandaBin: values.REDPANDA_BIN ?? null,
    redpandaMemory: given.REDPANDA_MEMORY,
    /** How an external Kafka is reached. Files are paths as they were given; whoever connects reads them. */
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
    /** How an external schema registry is reached. */
    schemaRegistrySecurity: {
      login: values.SCHEMA_REGISTRY_USER === undefined ? null : {
        user: values.SCHEMA_REGISTRY_USER,
        password: values.SCHEMA_REGISTRY_PASSWORD ?? "",
      },
      token: values.SCHEMA_REGISTRY_TOKEN ?? null,
      caFile: values.SCHEMA_REGISTRY_CA_FILE ?? null,
    },
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
