/**
 * The Worker in which the embedded broker runs, so that neither its fsyncs hold up the service, nor the service's parsing
 * its heartbeats. Started by `start.ts`, which also hears of every error that nobody here catches.
 */
import { explain, hintOf } from "../../failures/failures.ts";
import { type ListeningBroker, startBroker } from "./embedded_broker.ts";
import type { FromWorker, ToWorker } from "./worker_messages.ts";

/** The part of a Worker's global scope that is used here (the project is type-checked with a window's). */
interface WorkerScope {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
const say = (message: FromWorker): void => scope.postMessage(message);
let broker: ListeningBroker | undefined;

async function start(settings: Extract<ToWorker, { kind: "start" }>["settings"]): Promise<void> {
  try {
    broker = await startBroker(settings, {
      onRefused: (client, reason) => say({ kind: "client refused", client, reason }),
      onFault: (reason) => say({ kind: "fault", reason }),
      onFaultInjected: (id, left) => say({ kind: "fault injected", id, left }),
    });
    const { kafkaPort, schemaRegistryPort } = broker;
    say({ kind: "ready", kafkaPort, schemaRegistryPort });
  } catch (error) {
    say({ kind: "refused", message: explain(error), hint: hintOf(error) });
  }
}

function control(running: ListeningBroker, message: Extract<ToWorker, { call: number }>) {
  if (message.kind === "add fault") running.addFault(message.id, message.spec);
  if (message.kind === "remove fault") running.removeFault(message.id);
  if (message.kind === "disconnect all") running.disconnectAll();
  say({ kind: "done", call: message.call, stats: running.stats() });
}

scope.onmessage = async ({ data: message }) => {
  if (message.kind === "crash") {
    setTimeout(() => {
      throw new Error("crashed by order");
    });
    return;
  }
  if (message.kind === "start") return start(message.settings);
  if (message.kind === "stop") {
    await broker?.stop();
    return say({ kind: "stopped" });
  }
  if (broker !== undefined) control(broker, message);
};
