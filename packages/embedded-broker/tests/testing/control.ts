/**
 * Controls a running broker from outside its Worker, for tests: faults, disconnections, statistics.
 */
import { BrokerWorker } from "../../broker_worker.ts";
import type { BrokerStats } from "../../embedded_broker.ts";
import type { BrokerEvent, FromWorker } from "../../settings.ts";
import type { FaultSpec } from "./faults.ts";

/** Commands from a test. Each one with a `call` is answered by a `done` with the same number. */
export type TestOrder =
  /** Makes the broker die of an uncaught error, for tests of the owner's reaction. */
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

/** Additional messages from the Worker for tests. */
export type TestNews =
  | { readonly kind: "fault injected"; readonly id: number; readonly left: number }
  | { readonly kind: "done"; readonly call: number; readonly stats: BrokerStats };

/** A fault that was requested. */
export interface Fault {
  /** Resolves when it has occurred as often as requested. Otherwise stays pending. */
  readonly spent: Promise<void>;
  /** Resolves when it has occurred once. */
  readonly struck: Promise<void>;
  /** How often it has occurred. */
  count(): number;
  /** Removes the fault. */
  remove(): Promise<void>;
}

export interface BrokerControl {
  /** Makes the next matching request(s) fail; resolves when the fault is active. */
  failNext(spec: FaultSpec): Promise<Fault>;
  /** Closes every client's connection, as if the network had failed for a moment. */
  disconnectAll(): Promise<void>;
  /** Makes the broker die of an uncaught error. Its owner is notified (`failed`), and clients lose their connections. */
  crash(): void;
  stats(): Promise<BrokerStats>;
}

type Call = Extract<TestOrder, { call: number }>;
type WithoutCall<Message> = Message extends Call ? Omit<Message, "call"> : never;

interface Ordered {
  count: number;
  readonly struck: PromiseWithResolvers<void>;
  readonly spent: PromiseWithResolvers<void>;
}

/** The Worker of a broker for tests, with its controls. */
export class ControlledWorker extends BrokerWorker implements BrokerControl {
  private readonly calls = new Map<number, PromiseWithResolvers<BrokerStats>>();
  private readonly ordered = new Map<number, Ordered>();
  private nextNumber = 1;

  constructor(onEvent?: (event: BrokerEvent) => void) {
    super(new URL("./worker.ts", import.meta.url), onEvent);
  }

  private order(message: TestOrder): void {
    if (this.state === "ended") throw new Error("the embedded broker is not running");
    this.worker.postMessage(message);
  }

  async failNext(spec: FaultSpec): Promise<Fault> {
    const id = this.nextNumber++;
    const order: Ordered = {
      count: 0,
      struck: Promise.withResolvers(),
      spent: Promise.withResolvers(),
    };
    this.ordered.set(id, order);
    await this.call({ kind: "add fault", id, spec });
    return {
      struck: order.struck.promise,
      spent: order.spent.promise,
      count: () => order.count,
      remove: async () => {
        await this.call({ kind: "remove fault", id });
      },
    };
  }

  async disconnectAll(): Promise<void> {
    await this.call({ kind: "disconnect all" });
  }

  crash(): void {
    this.order({ kind: "crash" });
  }

  stats(): Promise<BrokerStats> {
    return this.call({ kind: "stats" });
  }

  private async call(message: WithoutCall<Call>): Promise<BrokerStats> {
    const call = this.nextNumber++;
    const answer = Promise.withResolvers<BrokerStats>();
    this.order({ ...message, call });
    this.calls.set(call, answer);
    return await answer.promise;
  }

  protected override onMessage(message: FromWorker | TestNews): void {
    if (message.kind === "done") {
      this.calls.get(message.call)?.resolve(message.stats);
      this.calls.delete(message.call);
    } else if (message.kind === "fault injected") this.onInjected(message.id, message.left);
    else super.onMessage(message);
  }

  private onInjected(id: number, left: number): void {
    const order = this.ordered.get(id);
    if (order === undefined) return;
    order.count++;
    order.struck.resolve();
    if (left <= 0) order.spent.resolve();
  }

  /** The broker has ended: rejects all pending calls, which will not be answered. */
  protected override end(): void {
    super.end();
    for (const answer of this.calls.values()) {
      answer.reject(new Error("the embedded broker stopped before it answered"));
    }
    this.calls.clear();
  }
}
