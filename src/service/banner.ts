/**
 * What a person sees when the service is up: addresses to paste into curl, kcat and psql, and where the data lies.
 */
import type { Config } from "../config.ts";
import type { Service } from "./service.ts";

/** The banner, lines without a final newline. `extra` are more lines of name and value. */
export function banner(
  service: Service,
  config: Config,
  extra: readonly [string, string][] = [],
): string {
  const { addresses, describe } = service;
  const rows: [string, string][] = [
    ...(addresses.http === null ? [] : [["HTTP", addresses.http] as [string, string]]),
    ["Kafka", addresses.brokers.join(",")],
    ["registry", addresses.schemaRegistryUrl],
    ["PostgreSQL", shownDatabaseUrl(config, addresses.databaseUrl)],
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

/** The embedded database's URL is shown whole, for psql; it only works on this machine. Yours is not ours to print. */
function shownDatabaseUrl(config: Config, url: string): string {
  return config.databaseUrl === null ? url : url.replace(/\/\/([^:@/]*):[^@/]*@/, "//$1:***@");
}
