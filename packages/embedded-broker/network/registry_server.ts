/**
 * Serves the schema registry over HTTP, beside the Kafka listener and on the same database.
 */
import type { Registry } from "../registry/registry.ts";
import { listenerRefusal } from "./server.ts";

/** A registry that is bound. */
export interface RegistryServer {
  readonly port: number;
  /** Stops accepting requests; resolves when the pending ones are answered. */
  stop(): Promise<void>;
}

/**
 * Binds the registry's HTTP server; `port` 0 selects a free one.
 * @throws BrokerRefusal naming the port and its setting, or the address, when it can't be bound
 */
export function serveRegistry(registry: Registry, host: string, port: number): RegistryServer {
  try {
    const server = Deno.serve(
      { hostname: host, port, onListen: () => {} },
      (request) => registry.fetch(request),
    );
    return { port: server.addr.port, stop: () => server.shutdown() };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw listenerRefusal("schema registry", "SCHEMA_REGISTRY_PORT", host, port, error);
  }
}
