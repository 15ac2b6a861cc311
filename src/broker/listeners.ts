/**
 * The addresses of a Redpanda that is started here.
 */
import { PermanentError } from "../failures/failures.ts";
import { listenOnce } from "../processes/ports.ts";

/** The ports that the settings name, or a free one for each 0. */
export interface ListenerPorts {
  readonly kafkaPort: number;
  readonly schemaRegistryPort: number;
}

/**
 * Ports for Redpanda's two public listeners.
 * @throws PermanentError naming the port and its setting when it is in use
 */
export async function settleListeners(
  { kafkaPort, schemaRegistryPort }: ListenerPorts,
): Promise<{ readonly kafka: number; readonly schemaRegistry: number }> {
  return {
    kafka: await settle(kafkaPort, "Redpanda's Kafka listener", "KAFKA_PORT"),
    schemaRegistry: await settle(
      schemaRegistryPort,
      "Redpanda's schema registry",
      "SCHEMA_REGISTRY_PORT",
    ),
  };
}

async function settle(wanted: number, what: string, setting: string): Promise<number> {
  try {
    return await listenOnce(wanted);
  } catch (error) {
    throw new PermanentError(`port ${wanted} on 127.0.0.1, for ${what}, is in use`, {
      cause: error,
      hint: `Stop what uses the port, or set ${setting} to another (0 takes a free one).`,
    });
  }
}
