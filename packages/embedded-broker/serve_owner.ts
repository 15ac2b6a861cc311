/**
 * The inside of the Worker: carries out its owner's commands and reports events.
 */
import { type ListeningBroker, startBroker } from "./embedded_broker.ts";
import { BrokerRefusal, explain } from "./errors.ts";
import type { Intercept } from "./network/dispatch.ts";
import type { BrokerEvent, BrokerSettings, FromWorker, ToWorker } from "./settings.ts";

/** The part of a Worker's global scope that is used here (the project is type-checked with the window's types). */
interface WorkerScope<In, Out> {
  postMessage(message: Out): void;
  onmessage: ((event: MessageEvent<In>) => void) | null;
}

/** Hooks for tests (`tests/testing/worker.ts`), which intercept requests and send their own messages. */
export interface ServeOptions<In> {
  readonly intercept?: Intercept;
  onOther?(message: In, broker: ListeningBroker | undefined): void;
}

/** Handles messages from the owner until it ends the Worker. */
export function serveOwner<In extends { kind: string } = never>(
  { intercept, onOther }: ServeOptions<In> = {},
): void {
  const scope = globalThis as unknown as WorkerScope<ToWorker | In, FromWorker>;
  const say = (message: FromWorker): void => scope.postMessage(message);
  const onEvent = (event: BrokerEvent): void => say({ kind: "event", event });
  let broker: ListeningBroker | undefined;

  async function start(settings: BrokerSettings): Promise<void> {
    try {
      broker = await startBroker(settings, onEvent, intercept);
      const { kafkaPort, schemaRegistryPort } = broker;
      say({ kind: "ready", kafkaPort, schemaRegistryPort });
    } catch (error) {
      const hint = error instanceof BrokerRefusal ? error.hint : undefined;
      say({ kind: "refused", message: explain(error), hint });
    }
  }

  scope.onmessage = async ({ data: message }) => {
    if (message.kind === "start") {
      return start((message as Extract<ToWorker, { kind: "start" }>).settings);
    }
    if (message.kind === "stop") {
      await broker?.stop();
      return say({ kind: "stopped" });
    }
    onOther?.(message as In, broker);
  };
}
