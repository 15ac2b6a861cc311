/**
 * Chooses the ports of Redpanda's public listeners when it is started here.
 */
import { settledPort } from "../processes/free_port.ts";

/** The ports from the settings; 0 selects a free one. */
export interface ListenerPorts {
  readonly kafkaPort: number;
  readonly schemaRegistryPort: number;
}

/**
 * Ports for both listeners.
 * @throws PermanentError naming the port and its setting when it is in use
 */
export async function settleListeners({ kafkaPort, schemaRegistryPort }: ListenerPorts) {
  const kafka = await settledPort(kafkaPort, "Redpanda's Kafka listener", "KAFKA_PORT");
  const what = "Redpanda's schema registry";
  const schemaRegistry = await settledPort(schemaRegistryPort, what, "SCHEMA_REGISTRY_PORT");
  return { kafka, schemaRegistry };
}
