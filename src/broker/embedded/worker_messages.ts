/**
 * What the service and the broker's Worker say to each other.
 */
import type { BrokerStats, EmbeddedBrokerSettings } from "./embedded_broker.ts";
import type { FaultSpec } from "./faults.ts";

/** To the Worker. Everything with a `call` is answered by a `done` with the same number. */
export type ToWorker =
  | { readonly kind: "start"; readonly settings: EmbeddedBrokerSettings }
  | { readonly kind: "stop" }
  /** Dies of an uncaught error, for tests of what the service does then. */
  | { readonly kind: "crash" }
  | {
    readonly kind: "add fault";
    readonly call: number;
    readonly id: number;
    readonly spec: FaultSpec;
  }
  | { readonly kind: "remove fault"; readonly call: number; readonly id: number }
  | { readonly kind: "disconnect all"; readonly call: number }
  | { readonly kind: "stats"; readonly call: number };

/** From the Worker. */
export type FromWorker =
  | { readonly kind: "ready"; readonly kafkaPort: number; readonly schemaRegistryPort: number }
  /** It could not start. */
  | { readonly kind: "refused"; readonly message: string; readonly hint: string | undefined }
  | { readonly kind: "stopped" }
  | { readonly kind: "client refused"; readonly client: string; readonly reason: string }
  | { readonly kind: "fault"; readonly reason: string }
  | { readonly kind: "fault injected"; readonly id: number; readonly left: number }
  | { readonly kind: "done"; readonly call: number; readonly stats: BrokerStats };
