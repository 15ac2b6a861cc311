/**
 * The conformance suite's set-up: finds or installs the clients, and starts the embedded broker as people start it, with
 * `deno task broker`'s command in a process of its own. `tests/kafka/set_up.ts` does the same with Apache Kafka.
 */
import type { TestProject } from "vitest/node";
import { installClients, type InstalledClients } from "./install/install_all.ts";
import "./provided.ts";
import { startBrokerProcess } from "./broker_process.ts";

/** Installs the clients and tells which will be skipped. */
export async function provideClients(project: TestProject): Promise<InstalledClients> {
  const clients = await installClients();
  for (const client of Object.values(clients)) {
    console.log("missing" in client ? `skipped: ${client.label}: ${client.missing}` : client.label);
  }
  project.provide("installedClients", clients);
  return clients;
}

/** Vitest's global set-up; the returned function ends the broker. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await provideClients(project);
  const broker = await startBrokerProcess();
  project.provide("brokerUnderTest", {
    name: "the embedded broker",
    address: broker.address,
    schemaRegistryUrl: broker.schemaRegistryUrl,
  });
  return () => broker.stop();
}
