/**
 * The Worker in which the broker runs, seen from outside.
 *
 *     starting ──ready──▶ running ──stop()──▶ stopping ──▶ stopped
 *        │ refused           │ the Worker died
 *        ▼                   ▼
 *     rejected             failed (event `died`; `failed` resolves)
 */
import { BrokerRefusal } from "./errors.ts";
import type {
  BrokerEvent,
  BrokerSettings,
  BrokerTimeouts,
  EmbeddedBrokerOptions,
  FromWorker,
  ToWorker,
} from "./settings.ts";

/** The embedded broker's interface for its owner. */
export interface EmbeddedBroker {
  /** `host:port` of the only broker. */
  readonly brokers: string[];
  /** Base URL of the schema registry, without a trailing slash. */
  readonly schemaRegistryUrl: string;
  /** Resolves with the reason if the broker dies by itself. Never rejects. */
  readonly failed: Promise<Error>;
  /** Answers the pending requests and closes the database. Calling it again waits for the first call. */
  stop(): Promise<void>;
}

/** A stop that takes longer is cut short; acknowledged records are on disk in any case. */
const STOP_TIMEOUT_MS = 10_000;

const DEFAULTS = {
  host: "127.0.0.1",
  autoCreateTopics: false,
  defaultPartitions: 1,
  minSessionTimeout_ms: 6000, // Kafka's
  stallTimeout_ms: 30_000,
};

/** Starts the broker in a Worker; resolves when both listeners answer. @throws BrokerRefusal */
export async function startIn(
  worker: BrokerWorker,
  { onEvent: _, ...options }: EmbeddedBrokerOptions & Partial<BrokerTimeouts>,
): Promise<EmbeddedBroker> {
  const settings: BrokerSettings = { ...DEFAULTS, ...options };
  const ports = await worker.start(settings);
  let stopping: Promise<void> | undefined;
  return {
    brokers: [`${settings.host}:${ports.kafkaPort}`],
    schemaRegistryUrl: `http://${settings.host}:${ports.schemaRegistryPort}`,
    failed: worker.failed,
    stop: () => stopping ??= worker.stop(),
  };
}

type Ready = Extract<FromWorker, { kind: "ready" }>;

export class BrokerWorker {
  readonly failed: Promise<Error>;
  protected readonly worker: Worker;
  protected state: "starting" | "running" | "stopping" | "ended" = "starting";
  private readonly started = Promise.withResolvers<Ready>();
  private readonly stopped = Promise.withResolvers<void>();
  private readonly failure = Promise.withResolvers<Error>();

  constructor(entry: URL, private readonly onEvent: (event: BrokerEvent) => void = () => {}) {
    this.worker = new Worker(entry, { type: "module", name: "embedded broker" });
    this.failed = this.failure.promise;
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.onMessage(data);
    this.worker.onerror = (event) => {
      // Must not end the whole process: the owner decides what to do about a dead broker.
      event.preventDefault();
      this.die(new Error(event.message, { cause: event.error }));
    };
  }

  start(settings: BrokerSettings): Promise<Ready> {
    this.post({ kind: "start", settings });
    return this.started.promise;
  }

  async stop(): Promise<void> {
    if (this.state !== "running") return;
    this.post({ kind: "stop" });
    this.state = "stopping";
    const timer = setTimeout(() => {
      this.onEvent({ kind: "stop cut short", after_ms: STOP_TIMEOUT_MS });
      this.stopped.resolve();
    }, STOP_TIMEOUT_MS);
    await this.stopped.promise;
    clearTimeout(timer);
    this.end();
    this.onEvent({ kind: "stopped" });
  }

  protected post(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  protected end(): void {
    this.state = "ended";
    this.worker.terminate();
  }

  private die(error: Error): void {
    if (this.state === "ended") return;
    this.onEvent({ kind: "died", reason: error.message });
    this.end();
    this.started.reject(error);
    this.stopped.resolve();
    this.failure.resolve(error);
  }

  protected onMessage(message: FromWorker): void {
    switch (message.kind) {
      case "ready":
        this.state = "running";
        return this.started.resolve(message);
      case "refused":
        this.end();
        return this.started.reject(new BrokerRefusal(message.message, { hint: message.hint }));
      case "stopped":
        return this.stopped.resolve();
      case "event":
        return this.onEvent(message.event);
    }
  }
}
