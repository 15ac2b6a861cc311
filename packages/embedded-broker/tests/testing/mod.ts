/**
 * `@gmn/embedded-broker/testing`: the embedded broker with faults to order, a client that sends any bytes, the broker as a process to
 * kill, and the schema registry by itself. For tests and benches, of this package and of others.
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

/** The options of the broker, and times that tests shorten. */
export type TestBrokerOptions = EmbeddedBrokerOptions & Partial<BrokerTimeouts>;

/** The broker as a test has it. */
export interface ControlledBroker extends EmbeddedBroker {
  /** Fault injection and numbers. */
  readonly control: BrokerControl;
}

/** Starts a broker that does what a test orders. */
export async function startControlledBroker(options: TestBrokerOptions): Promise<ControlledBroker> {
  const control = new ControlledWorker(options.onEvent);
  return { ...await startIn(control, options), control };
}
