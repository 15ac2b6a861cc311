/**
 * The set-up of `deno task test:kafka`: the same clients as `deno task test:clients`, and Apache Kafka in place of the
 * embedded broker. The schema registry beside it is the embedded one: Kafka has none of its own.
 */
import type { TestProject } from "vitest/node";
import "../clients/provided.ts";
import { provideClients } from "../clients/set_up.ts";
import { startRegistryServer } from "@gmn/embedded-broker/testing";
import { startApacheKafka } from "./apache_kafka.ts";

/** Vitest's global set-up; the returned function ends both. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await provideClients(project);
  const kafka = await startApacheKafka();
  const registry = startRegistryServer();
  project.provide("brokerUnderTest", {
    name: "Apache Kafka",
    address: kafka.address,
    schemaRegistryUrl: registry.url,
  });
  // Tests of the whole service use the Kafka that these name; the workers inherit them.
  process.env.KAFKA_BROKERS = kafka.address;
  process.env.SCHEMA_REGISTRY_URL = registry.url;
  return async () => {
    await registry.stop();
    await kafka.stop();
  };
}
