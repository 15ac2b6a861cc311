/**
 * A broker for a test or a test file, with kafkajs clients; all of it is removed after the test.
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

// Tests here wait for events, never for a fixed time; but a busy machine may be ten times slower than an idle one.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

// Otherwise kafkajs warns on every start that its default partitioner changed in version 2.
process.env.KAFKAJS_NO_PARTITIONER_WARNING = "1";

/** Members are removed after this time, so that tests need not wait for Kafka's minimum of 6 seconds. */
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

/** The parts of a record that tests compare. */
export interface SeenRecord {
  readonly partition: number;
  readonly offset: string;
  readonly key: string | null;
  readonly value: string | null;
}

/** A consumer in a group, with the records it has seen and its assigned partitions. */
export class TestConsumer {
  readonly seen: SeenRecord[] = [];
  /** Partitions of its topic, assigned when it last joined. */
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

  /** Resolves when `holds` returns true; it is checked after each record and each assignment. */
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
