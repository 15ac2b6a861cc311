/**
 * What the owner of a broker and its Worker say to each other.
 */
import type { EmbeddedBrokerSettings } from "./embedded_broker.ts";

/** What happens to a broker that was started. */
export type BrokerEvent =
  /** A connection was closed because of what the client did. */
  | { readonly kind: "client refused"; readonly client: string; readonly reason: string }
  /** Something is wrong with the broker itself or its disk; it goes on. */
  | { readonly kind: "fault"; readonly reason: string }
  | { readonly kind: "died"; readonly reason: string }
  | { readonly kind: "stop cut short"; readonly after_ms: number }
  | { readonly kind: "stopped" };

export type ToWorker =
  | { readonly kind: "start"; readonly settings: EmbeddedBrokerSettings }
  | { readonly kind: "stop" };

export type FromWorker =
  | { readonly kind: "ready"; readonly kafkaPort: number; readonly schemaRegistryPort: number }
  /** It could not start. */
  | { readonly kind: "refused"; readonly message: string; readonly hint: string | undefined }
  | { readonly kind: "stopped" }
  | { readonly kind: "event"; readonly event: BrokerEvent };
