/**
 * The service for a measurement: as in `deno task start`, with the embedded broker, without its schedule.
 */
import process from "node:process";
import { readConfig, type Role } from "../../src/config.ts";
import { createObserver, type Observer } from "../../src/observe/observe.ts";
import { type Service, startService } from "../../src/service/service.ts";

/** Starts it on the data directory and the database of the environment. No roles: only the engines. */
export async function startBenchService(
  roles: readonly Role[],
): Promise<{ service: Service; observer: Observer }> {
  const config = readConfig({
    DATA_DIR: process.env.DATA_DIR,
    DATABASE_URL: process.env.DATABASE_URL,
    BROKER: "embedded",
    GMN_DATA_URL: "/nowhere",
    HTTP_PORT: "0",
    KAFKA_PORT: "0",
    SCHEMA_REGISTRY_PORT: "0",
  });
  const observer = createObserver();
  const service = await startService({
    config: { ...config, roles: new Set(roles) },
    observer,
    isForOneCommand: true,
  });
  return { service, observer };
}
