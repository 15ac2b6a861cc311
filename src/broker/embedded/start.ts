/**
 * Starts the embedded broker in a Worker and gives it to the service as a `RunningBroker`.
 *
 *     starting ──ready──▶ running ──stop()──▶ stopping ──▶ stopped
 *        │ refused           │ the Worker died
 *        ▼                   ▼
 *     rejected             failed (said as `broker.failed`; `failed` resolves)
 */
import { PermanentError } from "../../failures/failures.ts";
import { type Observe, unobserved } from "../../observe/observe.ts";
import type { RunningBroker } from "../broker.ts";
import { type BrokerControl, WorkerControl } from "./control.ts";
import type { EmbeddedBrokerSettings } from "./embedded_broker.ts";
import type { FromWorker, ToWorker } from "./worker_messages.ts";

const KIND = "embedded";
/** A stop that takes longer is cut short; what was acknowledged is on disk in any case. */
const STOP_TIMEOUT_MS = 10_000;

export interface EmbeddedBrokerOptions {
  /** Where the broker keeps its database; made when it is not there. One process at a time. */
  readonly directory: string;
  /** Address to bind and to tell clients, 127.0.0.1 by default. There is no authentication: keep it on the loopback. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly kafkaPort: number;
  /** 0 takes a free one. */
  readonly schemaRegistryPort: number;
  /** Whether clients may create topics by asking for them (Kafka's `auto.create.topics.enable`); off by default. */
  readonly autoCreateTopics?: boolean;
  /** Partitions of topics whose creator does not say how many; 1 by default. */
  readonly defaultPartitions?: number;
  /** Kafka's `group.min.session.timeout.ms`, 6000 by default; tests of lost members set it lower. */
  readonly minSessionTimeout_ms?: number;
  /** How long a client may leave a request unfinished or an answer untaken, 30 s by default; tests set it lower. */
  readonly stallTimeout_ms?: number;
  readonly observe?: Observe;
}

/** The embedded broker as its owner has it. */
export interface EmbeddedBroker extends RunningBroker {
  /** Fault injection and numbers, for tests. */
  readonly control: BrokerControl;
  /** Resolves with the reason if the broker dies by itself. Never rejects. */
  readonly failed: Promise<Error>;
}

/**
 * Starts the broker and its schema registry; resolves when both answer.
 * @throws PermanentError when a port is taken (naming the port and its setting) or another process has the directory
 */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const observe = options.observe ?? unobserved;
  const began = performance.now();
  const worker = new BrokerWorker(observe);
  const ports = await worker.start(settingsOf(options));
  const host = options.host ?? "127.0.0.1";
  const brokers = [`${host}:${ports.kafkaPort}`];
  const schemaRegistryUrl = `http://${host}:${ports.schemaRegistryPort}`;
  observe("broker.ready", {
    kind: KIND,
    brokers: brokers.join(),
    schemaRegistryUrl,
    took_ms: performance.now() - began,
  });
  let stopping: Promise<void> | undefined;
  return {
    kind: KIND,
    brokers,
    schemaRegistryUrl,
    control: worker.control,
    failed: worker.failed,
    stop: () => stopping ??= worker.stop(),
  };
}

function settingsOf(options: EmbeddedBrokerOptions): EmbeddedBrokerSettings {
  return {
    directory: options.directory,
    host: options.host ?? "127.0.0.1",
    kafkaPort: options.kafkaPort,
    schemaRegistryPort: options.schemaRegistryPort,
    autoCreateTopics: options.autoCreateTopics ?? false,
    defaultPartitions: options.defaultPartitions ?? 1,
    minSessionTimeout_ms: options.minSessionTimeout_ms ?? 6000,
    stallTimeout_ms: options.stallTimeout_ms ?? 30_000,
  };
}

/** The Worker, seen from outside. */
class BrokerWorker {
  readonly control: WorkerControl;
  readonly failed: Promise<Error>;
  private readonly worker: Worker;
  private readonly started = Promise.withResolvers<Extract<FromWorker, { kind: "ready" }>>();
  private readonly stopped = Promise.withResolvers<void>();
  private readonly failure = Promise.withResolvers<Error>();
  private state: "starting" | "running" | "stopping" | "ended" = "starting";

  constructor(private readonly observe: Observe) {
    this.worker = new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
      name: "embedded broker",
    });
    this.control = new WorkerControl((message) => this.post(message));
    this.failed = this.failure.promise;
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.onMessage(data);
    this.worker.onerror = (event) => {
      // Kept from ending the whole process: its owner decides what a dead broker means.
      event.preventDefault();
      this.die(new Error(event.message, { cause: event.error }));
    };
  }

  private post(message: ToWorker): void {
    if (this.state === "ended") throw new PermanentError("the embedded broker is not running");
    this.worker.postMessage(message);
  }

  start(settings: EmbeddedBrokerSettings): Promise<Extract<FromWorker, { kind: "ready" }>> {
    this.post({ kind: "start", settings });
    return this.started.promise;
  }

  async stop(): Promise<void> {
    if (this.state !== "running") return;
    this.post({ kind: "stop" });
    this.state = "stopping";
    const timer = setTimeout(() => {
      const line = `did not stop within ${STOP_TIMEOUT_MS / 1000} s and was ended`;
      this.observe("broker.log", { kind: KIND, level: "warning", line });
      this.stopped.resolve();
    }, STOP_TIMEOUT_MS);
    await this.stopped.promise;
    clearTimeout(timer);
    this.end();
    this.observe("broker.stopped", { kind: KIND });
  }

  private end(): void {
    this.state = "ended";
    this.worker.terminate();
    this.control.end();
  }

  private die(error: Error): void {
    if (this.state === "ended") return;
    this.observe("broker.failed", { kind: KIND, reason: error.message });
    this.end();
    this.started.reject(error);
    this.stopped.resolve();
    this.failure.resolve(error);
  }

  private onMessage(message: FromWorker): void {
    switch (message.kind) {
      case "ready":
        this.state = "running";
        return this.started.resolve(message);
      case "refused":
        this.end();
        return this.started.reject(new PermanentError(message.message, { hint: message.hint }));
      case "stopped":
        return this.stopped.resolve();
      case "client refused":
        return this.observe("broker.refused", { client: message.client, reason: message.reason });
      case "fault":
        return this.observe("broker.failed", { kind: KIND, reason: message.reason });
      case "fault injected":
        return this.control.onInjected(message.id, message.left);
      case "done":
        return this.control.onDone(message.call, message.stats);
    }
  }
}
