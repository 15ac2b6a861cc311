/**
 * A broker for a test file or a test, and kafkajs clients of it; everything is gone when the test is over.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { type Consumer, type ConsumerConfig, Kafka, logLevel } from "kafkajs";
import {
  type ControlledBroker,
  startControlledBroker,
  type TestBrokerOptions,
} from "./testing/mod.ts";

// Tests here wait for events, never for time; a busy machine may still be ten times slower than an idle one.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

// kafkajs says on every start that its default partitioner changed in version 2.
process.env.KAFKAJS_NO_PARTITIONER_WARNING = "1";

/** Members are thrown out after this long, so that tests of it need not wait Kafka's least, 6 seconds. */
export const SESSION_TIMEOUT_MS = 3000;

/** A broker with its directory. */
export class TestBroker {
  private constructor(readonly directory: string, public broker: ControlledBroker) {}

  static async start(options: Partial<TestBrokerOptions> = {}): Promise<TestBroker> {
    const directory = await mkdtemp(join(tmpdir(), "gmn-broker-"));
    return new TestBroker(directory, await open(directory, options));
  }

  /** Where clients connect. */
  get address(): string {
    return this.broker.brokers[0];
  }

  /** Stops it and starts it again on the same port and directory. */
  async restart(): Promise<void> {
    const kafkaPort = Number(this.address.split(":")[1]);
    await this.broker.stop();
    this.broker = await open(this.directory, { kafkaPort });
  }

  async stop(): Promise<void> {
    await this.broker.stop();
    await rm(this.directory, { recursive: true });
  }

  /** A kafkajs client. */
  kafka(clientId = "test"): Kafka {
    return new Kafka({
      clientId,
      brokers: this.broker.brokers,
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 8 },
    });
  }
}

function open(directory: string, options: Partial<TestBrokerOptions>): Promise<ControlledBroker> {
  return startControlledBroker({
    kafkaPort: 0,
    schemaRegistryPort: 0,
    minSessionTimeout_ms: 100,
    ...options,
    directory,
  });
}

/** A record as a test compares it. */
export interface SeenRecord {
  readonly partition: number;
  readonly offset: string;
  readonly key: string | null;
  readonly value: string | null;
}

/** A consumer in a group, with what it has seen and what it was assigned so far. */
export class TestConsumer {
  readonly seen: SeenRecord[] = [];
  /** Partitions of its topic, at the last time it joined. */
  assigned: readonly number[] = [];
  private waiters: { holds: () => boolean; resolve: () => void }[] = [];

  private constructor(readonly consumer: Consumer, private readonly topic: string) {}

  static async run(
    kafka: Kafka,
    topic: string,
    config: Partial<ConsumerConfig> & { groupId: string; autoCommit?: boolean },
  ): Promise<TestConsumer> {
    const { autoCommit = true, ...rest } = config;
    const consumer = kafka.consumer({
      sessionTimeout: SESSION_TIMEOUT_MS,
      rebalanceTimeout: 5000,
      heartbeatInterval: 100,
      maxWaitTimeInMs: 100,
      ...rest,
    });
    const test = new TestConsumer(consumer, topic);
    test.listen();
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit,
      eachMessage: ({ partition, message }) => {
        test.seen.push({
          partition,
          offset: message.offset,
          key: message.key?.toString() ?? null,
          value: message.value?.toString() ?? null,
        });
        test.changed();
        return Promise.resolve();
      },
    });
    return test;
  }

  private listen(): void {
    this.consumer.on(this.consumer.events.GROUP_JOIN, ({ payload }) => {
      this.assigned = payload.memberAssignment[this.topic] ?? [];
      this.changed();
    });
  }

  private changed(): void {
    const met = this.waiters.filter(({ holds }) => holds());
    this.waiters = this.waiters.filter((waiter) => !met.includes(waiter));
    for (const { resolve } of met) resolve();
  }

  /** Resolves when `holds` does; it is looked at after each record and each assignment. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.waiters.push({ holds, resolve });
      this.changed();
    });
  }

  /** Resolves when `count` records were seen since the start. */
  sees(count: number): Promise<void> {
    return this.until(() => this.seen.length >= count);
  }

  /** Resolves when it has `count` partitions. */
  has(count: number): Promise<void> {
    return this.until(() => this.assigned.length === count);
  }

  stop(): Promise<void> {
    return this.consumer.disconnect();
  }
}
