/**
 * The set-up of `deno task test:redpanda`: a Redpanda and a PostgreSQL in containers of their own, if a Docker engine answers.
 */
import process from "node:process";
import { PostgreSqlContainer } from "@testcontainers/postgresql";
import { RedpandaContainer } from "@testcontainers/redpanda";
import type { TestProject } from "vitest/node";
import { askDockerEngine } from "@gmn/engines";
import { imageOf } from "./images.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Why nothing that needs a container can be tested here, or null. */
    noContainers: string | null;
    /** URL of the containers' PostgreSQL; empty without containers. */
    containerDatabaseUrl: string;
  }
}

/** Vitest's global set-up; the returned function ends the containers. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (await askDockerEngine() === null) {
    const reason = "no Docker engine (with docker compose) answers";
    process.stdout.write(`everything is skipped: ${reason}\n`);
    project.provide("noContainers", reason);
    project.provide("containerDatabaseUrl", "");
    return () => Promise.resolve();
  }
  const [redpanda, postgres] = await Promise.all([
    new RedpandaContainer(imageOf("redpanda")).start(),
    new PostgreSqlContainer(imageOf("postgres")).start(),
  ]);
  project.provide("noContainers", null);
  project.provide("containerDatabaseUrl", postgres.getConnectionUri());
  // Tests of the whole service use the Kafka that these name; the workers inherit them.
  process.env.KAFKA_BROKERS = redpanda.getBootstrapServers();
  process.env.SCHEMA_REGISTRY_URL = redpanda.getSchemaRegistryAddress();
  return async () => {
    await Promise.all([redpanda.stop(), postgres.stop()]);
  };
}
