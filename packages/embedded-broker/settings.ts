/**
 * The settings and events of a broker, and the messages between its owner and its Worker.
 */

export interface EmbeddedBrokerOptions {
  /** Directory of the broker's database; created when missing. One process at a time. */
  readonly directory: string;
  /** Address to bind and to give to clients, 127.0.0.1 by default. There is no authentication: keep it on the loopback. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly kafkaPort: number;
  /** 0 takes a free one. */
  readonly schemaRegistryPort: number;
  /** Whether clients may create topics by asking for them (Kafka's `auto.create.topics.enable`); off by default. */
  readonly autoCreateTopics?: boolean;
  /** Partitions of topics that are created without a number; 1 by default. */
  readonly defaultPartitions?: number;
  /** Called with each event while it runs. Must not throw. */
  readonly onEvent?: (event: BrokerEvent) => void;
}

/** Time-outs that only tests set. */
export interface BrokerTimeouts {
  /** Kafka's `group.min.session.timeout.ms`. */
  readonly minSessionTimeout_ms: number;
  /** How long a client may leave a request unfinished or an answer unread. */
  readonly stallTimeout_ms: number;
}

/** The options with all defaults filled in. Everything here can be sent to a Worker. */
export type BrokerSettings =
  & Required<Omit<EmbeddedBrokerOptions, "onEvent">>
  & BrokerTimeouts;

/** Stored records that can't be read. The broker goes on; whoever reads them gets them as they are. Offsets are inclusive. */
export interface DamageEvent {
  readonly kind: "damaged";
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly reason: string;
}

/** The events of a running broker. */
export type BrokerEvent =
  | DamageEvent
  /** A connection was closed because of the client's behaviour. */
  | { readonly kind: "client refused"; readonly client: string; readonly reason: string }
  /** An error in the broker itself or its disk; the broker continues. */
  | { readonly kind: "fault"; readonly reason: string }
  | { readonly kind: "died"; readonly reason: string }
  | { readonly kind: "stop cut short"; readonly after_ms: number }
  | { readonly kind: "stopped" };

export type ToWorker =
  | { readonly kind: "start"; readonly settings: BrokerSettings }
  | { readonly kind: "stop" };

export type FromWorker =
  | { readonly kind: "ready"; readonly kafkaPort: number; readonly schemaRegistryPort: number }
  /** The broker could not start. */
  | { readonly kind: "refused"; readonly message: string; readonly hint: string | undefined }
  | { readonly kind: "stopped" }
  | { readonly kind: "event"; readonly event: BrokerEvent };
