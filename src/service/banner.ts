/**
 * The text shown when the service is up: the dashboard, addresses to paste into curl, kcat and psql, and where the data is.
 */
import type { Config } from "../config.ts";
import { databaseUrlFile } from "./address_file.ts";
import type { Service } from "./service.ts";

export interface BannerOptions {
  /** Whether it is shown on a terminal. In a pipe it may end up in a log that others read, so the password is left out there. */
  readonly isTerminal: boolean;
  /** More lines, as name and value. */
  readonly extra?: readonly (readonly [string, string])[];
}

/** The lines of the banner, without a final newline. */
export function banner(
  service: Pick<Service, "addresses" | "describe">,
  config: Pick<Config, "dataDirectory" | "databaseUrl" | "gmnDataUrl">,
  { isTerminal, extra = [] }: BannerOptions,
): string {
  const { addresses, describe } = service;
  const rows: (readonly [string, string])[] = [
    ...(addresses.http === null
      ? []
      : [["dashboard", `${addresses.http}/`], ["API", `${addresses.http}/docs`]] as const),
    ...(addresses.metrics === null ? [] : [["metrics", `${addresses.metrics}/metrics`]] as const),
    ["Kafka", addresses.brokers.join(",")],
    ["registry", addresses.schemaRegistryUrl],
    ["PostgreSQL", shownDatabaseUrl(config, addresses.databaseUrl, isTerminal)],
    ["source", config.gmnDataUrl],
    ["data", `${config.dataDirectory} (survives a restart)`],
    ["", `broker: ${describe.broker}; database: ${describe.database}`],
    ...extra,
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    "",
    "GMN Data Store ingestion",
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    "",
  ].join("\n");
}

/** The dashboard's page of a run. `http` is the API's address. */
export function runPage(http: string, runId: string): string {
  return `${http}/#/runs/${runId}`;
}

/**
 * On a terminal the embedded database's URL is shown with its password, for psql; the URL works only on this machine. The password
 * in DATABASE_URL is never shown.
 */
function shownDatabaseUrl(
  { databaseUrl, dataDirectory }: Pick<Config, "dataDirectory" | "databaseUrl">,
  url: string,
  isTerminal: boolean,
): string {
  if (databaseUrl === null && isTerminal) return url;
  const hidden = url.replace(/\/\/([^:@/]*):[^@/]*@/, "//$1:***@");
  return hidden === url ? url : `${hidden} (whole in ${databaseUrlFile(dataDirectory)})`;
}
