/**
 * The settings of the service: environment (or `.env`) in, one typed and checked `Config` out.
 *
 * Every setting is one entry of `SETTINGS` with its default, its meaning and its check; the README's table and `--help`
 * are made from the same entries. Rooms never see a `Config`: `service.ts` hands each what it needs.
 */
import { resolve } from "node:path";
import { Cron } from "croner";
import { z } from "zod";
import { PermanentError } from "./failures/failures.ts";

/** What a process does. A process may have any combination; one alone has all three. */
export const ROLES = ["producer", "consumer", "http"] as const;
export type Role = (typeof ROLES)[number];

const port = z.string().regex(/^\d{1,5}$/, "a port number from 0 to 65535 (0 takes a free one)")
  .transform(Number).refine(
    (n) => n <= 65_535,
    "a port number from 0 to 65535 (0 takes a free one)",
  );
const httpUrl = z.string().regex(/^https?:\/\/[^\s]+$/, "an http:// or https:// URL");

/** A cron pattern that comes true some day. */
const cronPattern = z.string().refine((text) => {
  try {
    return new Cron(text, { paused: true, timezone: "UTC" }).nextRun() !== null;
  } catch {
    return false;
  }
}, "a cron pattern in UTC, minute hour day month weekday, such as 0 1 * * *");

/** Somewhere summary files can lie. The producer opens it; a scheme it does not know is told at the start. */
const dataLocation = z.string().refine((text) => {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase();
  return scheme === undefined || (["http", "https", "file"].includes(scheme) && URL.canParse(text));
}, "an http or https URL, a file:// URL, or the path of a folder");

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
    dataLocation,
  ),
  GMN_REQUEST_INTERVAL_MS: setting(
    "10000",
    "least time between two requests to the source, in milliseconds (its robots.txt asks for 10 s)",
    whole(0, 3_600_000, "milliseconds"),
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
    "which Kafka is behind the log: `auto` (external if `KAFKA_BROKERS` is set, else embedded), `external`, `embedded`",
    z.enum(["auto", "external", "embedded"], "auto, external or embedded"),
  ),
  KAFKA_BROKERS: setting(
    undefined,
    "brokers of an external Kafka or Redpanda: `host:port`, separated by commas",
    z.string().regex(/^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/, "host:port, separated by commas").transform((
      text,
    ) => text.split(",")),
  ),
  KAFKA_PORT: setting("9092", "port of the embedded broker", port),
  SCHEMA_REGISTRY_URL: setting(
    undefined,
    "schema registry that goes with `KAFKA_BROKERS`",
    httpUrl,
  ),
  SCHEMA_REGISTRY_PORT: setting("8081", "port of the embedded schema registry", port),
  DATABASE_URL: setting(
    undefined,
    "PostgreSQL of the data store; unset: an embedded PostgreSQL under `DATA_DIR`",
    z.string().regex(/^postgres(ql)?:\/\/\S+$/, "a postgres:// URL"),
  ),
  POSTGRES_PORT: setting("5433", "port of the embedded PostgreSQL", port),
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
export interface Config {
  readonly httpHost: string;
  readonly httpPort: number;
  readonly apiToken: string | null;
  /** Absolute path. */
  readonly dataDirectory: string;
  readonly gmnDataUrl: string;
  readonly gmnRequestInterval_ms: number;
  readonly schedule: string;
  readonly extractDays: number;
  readonly broker: "auto" | "external" | "embedded";
  readonly kafkaBrokers: readonly string[] | null;
  readonly kafkaPort: number;
  readonly schemaRegistryUrl: string | null;
  readonly schemaRegistryPort: number;
  readonly databaseUrl: string | null;
  readonly postgresPort: number;
  readonly roles: ReadonlySet<Role>;
  readonly logLevel: "debug" | "info" | "warning" | "error";
  readonly logFormat: "auto" | "human" | "json";
}

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
      hint: "Mend them in the environment or in .env; `deno task start --help` lists all settings.",
    });
  }
  return toConfig(values as Values);
}

/** Values of secrets are never shown, not even wrong ones. */
function shown(name: string, text: string): string {
  return name === "API_TOKEN" || name === "DATABASE_URL" ? "(not shown)" : JSON.stringify(text);
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
        `(else everyone who reaches the port could start runs)`,
    );
  }
  const isExternal = values.BROKER === "external" ||
    (values.BROKER === "auto" && values.KAFKA_BROKERS !== undefined);
  if (values.BROKER === "external" && values.KAFKA_BROKERS === undefined) {
    problems.push(`BROKER="external": needs KAFKA_BROKERS`);
  }
  if (values.BROKER === "embedded" && values.KAFKA_BROKERS !== undefined) {
    problems.push(
      `BROKER="embedded": contradicts KAFKA_BROKERS, which names another broker; unset one of them`,
    );
  }
  if (isExternal && values.SCHEMA_REGISTRY_URL === undefined) {
    problems.push(`KAFKA_BROKERS: needs SCHEMA_REGISTRY_URL, the registry that goes with it`);
  }
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

function toConfig(values: Values): Config {
  const given = values as { [Name in SettingName]: NonNullable<Values[Name]> };
  return {
    httpHost: given.HTTP_HOST,
    httpPort: given.HTTP_PORT,
    apiToken: values.API_TOKEN ?? null,
    dataDirectory: resolve(given.DATA_DIR),
    gmnDataUrl: given.GMN_DATA_URL,
    gmnRequestInterval_ms: given.GMN_REQUEST_INTERVAL_MS,
    schedule: given.SCHEDULE,
    extractDays: given.EXTRACT_DAYS,
    broker: given.BROKER,
    kafkaBrokers: values.KAFKA_BROKERS ?? null,
    kafkaPort: given.KAFKA_PORT,
    schemaRegistryUrl: values.SCHEMA_REGISTRY_URL ?? null,
    schemaRegistryPort: given.SCHEMA_REGISTRY_PORT,
    databaseUrl: values.DATABASE_URL ?? null,
    postgresPort: given.POSTGRES_PORT,
    roles: new Set(given.ROLES),
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

/** The settings as a Markdown table, for the README (a test keeps it up to date). */
export function settingsMarkdown(): string {
  const rows = Object.entries(SETTINGS).map(([name, { fallback, meaning }]) => {
    const shownFallback = fallback === undefined ? "" : `\`${fallback}\``;
    return `| \`${name}\` | ${shownFallback} | ${meaning} |`;
  });
  return ["| setting | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}
