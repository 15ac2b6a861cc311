/**
 * Which Kafka stands behind the log, decided once at boot, with its reason in plain words.
 */
import { join } from "node:path";
import type { Observe } from "../observe/observe.ts";
import type { RunningBroker } from "./broker.ts";
import { startEmbeddedBroker } from "./embedded/start.ts";

/** The settings the choice depends on. */
export interface BrokerSettings {
  readonly broker: "auto" | "external" | "embedded";
  readonly kafkaBrokers: readonly string[] | null;
  readonly schemaRegistryUrl: string | null;
  readonly kafkaPort: number;
  readonly schemaRegistryPort: number;
  readonly dataDirectory: string;
}

/** What was chosen and why. */
export interface BrokerChoice {
  readonly kind: "external" | "embedded";
  readonly reason: string;
}

/** The choice that the settings make. Pure. */
export function chooseBroker(settings: BrokerSettings): BrokerChoice {
  if (settings.broker === "external") return { kind: "external", reason: "BROKER=external" };
  if (settings.broker === "embedded") return { kind: "embedded", reason: "BROKER=embedded" };
  return settings.kafkaBrokers !== null
    ? { kind: "external", reason: "KAFKA_BROKERS is set" }
    : { kind: "embedded", reason: "no KAFKA_BROKERS" };
}

/**
 * Starts the chosen broker, or just names it when it is somebody else's.
 * @throws PermanentError when the embedded broker can't start: a port is in use, or another process has the folder
 */
export async function startBroker(
  settings: BrokerSettings,
  observe: Observe,
): Promise<RunningBroker> {
  const started = performance.now();
  const { kind, reason } = chooseBroker(settings);
  observe("broker.starting", { kind, reason });
  if (kind === "embedded") {
    return await startEmbeddedBroker({
      directory: join(settings.dataDirectory, "broker"),
      kafkaPort: settings.kafkaPort,
      schemaRegistryPort: settings.schemaRegistryPort,
      observe,
    });
  }
  const brokers = [...settings.kafkaBrokers ?? []];
  const schemaRegistryUrl = settings.schemaRegistryUrl ?? "";
  observe("broker.ready", {
    kind,
    brokers: brokers.join(","),
    schemaRegistryUrl,
    took_ms: performance.now() - started,
  });
  return { kind, brokers, schemaRegistryUrl, stop: () => Promise.resolve() };
}
