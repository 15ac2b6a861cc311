/**
 * Control of a running broker from outside its Worker, for tests: faults, disconnections, numbers.
 */
import type { BrokerStats } from "./embedded_broker.ts";
import type { FaultSpec } from "./faults.ts";
import type { ToWorker } from "./worker_messages.ts";

/** A fault that was ordered. */
export interface Fault {
  /** Resolves when it has struck as often as it was ordered to. Stays pending when it never does. */
  readonly spent: Promise<void>;
  /** Resolves when it has struck once. */
  readonly struck: Promise<void>;
  /** How often it has struck. */
  count(): number;
  /** Takes it back. */
  remove(): Promise<void>;
}

export interface BrokerControl {
  /** Lets the next matching request(s) fail; resolves when the order is in force. */
  failNext(spec: FaultSpec): Promise<Fault>;
  /** Closes every client's connection, as if the network had failed for a moment. */
  disconnectAll(): Promise<void>;
  /** Lets the broker die of an uncaught error of its own. Its owner hears of it (`failed`), clients lose it. */
  crash(): void;
  stats(): Promise<BrokerStats>;
}

type Call = Extract<ToWorker, { call: number }>;
type WithoutCall<Message> = Message extends Call ? Omit<Message, "call"> : never;

interface Ordered {
  count: number;
  readonly struck: PromiseWithResolvers<void>;
  readonly spent: PromiseWithResolvers<void>;
}

/** The control of a broker in a Worker. */
export class WorkerControl implements BrokerControl {
  private readonly calls = new Map<number, PromiseWithResolvers<BrokerStats>>();
  private readonly ordered = new Map<number, Ordered>();
  private nextNumber = 1;

  constructor(private readonly post: (message: ToWorker) => void) {}

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
    this.post({ kind: "crash" });
  }

  stats(): Promise<BrokerStats> {
    return this.call({ kind: "stats" });
  }

  private async call(message: WithoutCall<Call>): Promise<BrokerStats> {
    const call = this.nextNumber++;
    const answer = Promise.withResolvers<BrokerStats>();
    this.post({ ...message, call });
    this.calls.set(call, answer);
    return await answer.promise;
  }

  /** The Worker did what was asked. */
  onDone(call: number, stats: BrokerStats): void {
    this.calls.get(call)?.resolve(stats);
    this.calls.delete(call);
  }

  /** A fault struck. */
  onInjected(id: number, left: number): void {
    const order = this.ordered.get(id);
    if (order === undefined) return;
    order.count++;
    order.struck.resolve();
    if (left <= 0) order.spent.resolve();
  }

  /** The broker is gone: nothing that is asked will be answered. */
  end(): void {
    for (const answer of this.calls.values()) {
      answer.reject(new Error("the embedded broker stopped before it answered"));
    }
    this.calls.clear();
  }
}
