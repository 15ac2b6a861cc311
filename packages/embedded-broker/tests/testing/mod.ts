/**
 * `@gmn/embedded-broker/testing`: the embedded broker with fault injection, a client that sends arbitrary bytes, the broker in a
 * process that can be killed, and the schema registry by itself. For tests and benches of this and other packages.
 */
import { type EmbeddedBroker, startIn } from "../../broker_worker.ts";
import type { BrokerTimeouts, EmbeddedBrokerOptions } from "../../settings.ts";
import { type BrokerControl, ControlledWorker } from "./control.ts";

export type { BrokerStats } from "../../embedded_broker.ts";
export { BatchStore } from "../../log/batch_store.ts";
export { ApiKey, ErrorCode } from "@gmn/kafka-formats";
export { createRegistry } from "../../registry/registry.ts";
export { openDatabase } from "../../storage/database.ts";
export { BrokerProcess } from "./broker_process.ts";
export type { BrokerControl, Fault } from "./control.ts";
export type { FaultSpec } from "./faults.ts";
export { RawClient } from "./raw_client.ts";
export { type RegistryServer, startRegistryServer } from "./registry_server.ts";

/** The options of the broker, and time-outs that tests shorten. */
export type TestBrokerOptions = EmbeddedBrokerOptions & Partial<BrokerTimeouts>;

/** The broker's interface for tests. */
export interface ControlledBroker extends EmbeddedBroker {
  /** Fault injection and statistics. */
  readonly control: BrokerControl;
}

/** Starts a broker that a test can control. */
export async function startControlledBroker(options: TestBrokerOptions): Promise<ControlledBroker> {
  const control = new ControlledWorker(options.onEvent);
  return { ...await startIn(control, options), control };
}
