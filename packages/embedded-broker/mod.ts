/**
 * The public interface of the embedded broker: start, addresses, stop; and copies of its log, made while it runs. Other packages import nothing else from this one
 * (`@gmn/embedded-broker/testing` is for tests).
 */
import { BrokerWorker, type EmbeddedBroker, startIn } from "./broker_worker.ts";
import type { EmbeddedBrokerOptions } from "./settings.ts";

export { BrokerRefusal } from "./errors.ts";
export { backUpLog, inspectLog, type LogBackupOptions, type LogContent } from "./storage/backup.ts";
export type { BrokerEvent, DamageEvent } from "./settings.ts";
export type { EmbeddedBroker, EmbeddedBrokerOptions };

/**
 * Starts the broker and its schema registry; resolves when both answer.
 * @throws BrokerRefusal when a port is taken (naming the port and its setting) or another process uses the directory
 */
export function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const worker = new BrokerWorker(new URL("./worker.ts", import.meta.url), options.onEvent);
  return startIn(worker, options);
}
