/**
 * What a client gets that asks the embedded broker for what it does not have: a refusal that says why, soon. On Apache Kafka,
 * which has all of it, there is nothing to check.
 */
import { afterAll, beforeAll, describe, expect, inject, test, type TestContext } from "vitest";
import { type CommandResult, runCommand } from "./install/command.ts";
import type { Installed } from "./install/installed.ts";
import { javaArguments } from "./java/java_arguments.ts";
import "./provided.ts";
import { Reference } from "./reference.ts";

const broker = inject("brokerUnderTest");
const { kcat, java, python } = inject("installedClients");

/** Less than the minute for which clients keep asking when they are not told that it is final. */
const SOON_MS = 30_000;
const NO_TRANSACTIONS = /the embedded broker has no transactions/;

/** Asks for transactions in the words of Python's client. */
const PYTHON_TRANSACTION = `
import sys
from confluent_kafka import Producer
Producer({"bootstrap.servers": sys.argv[1], "transactional.id": "t"}).init_transactions(60)
`;
describe.skipIf(broker.name === "Apache Kafka")(`what ${broker.name} leaves out`, () => {
  let topic: string;
  let reference: Reference;
  beforeAll(async () => {
    reference = await Reference.connect(broker.address);
    topic = await reference.newTopic(1);
  });
  afterAll(() => reference.close());

  function check<Where>(
    name: string,
    installed: Installed<Where>,
    refused: RegExp,
    ask: (found: Where) => Promise<CommandResult>,
  ): void {
    test(`${name}: ${installed.label}`, async (context: TestContext) => {
      if ("missing" in installed) return context.skip(installed.missing);
      const { ok, output } = await ask(installed);
      expect({ ok, output }).toEqual({ ok: false, output: expect.stringMatching(refused) });
    });
  }
  const soon = { timeout_ms: SOON_MS };

  check("transactions", kcat, NO_TRANSACTIONS, ({ kcat: command }) =>
    runCommand(
      command,
      ["-P", "-b", broker.address, "-t", topic, "-X", "transactional.id=t", "-m", "60"],
      soon,
    ));

  check(
    "transactions",
    python,
    NO_TRANSACTIONS,
    ({ python: command }) => runCommand(command, ["-c", PYTHON_TRANSACTION, broker.address], soon),
  );

  check("transactions", java, NO_TRANSACTIONS, (found) =>
    runCommand("java", [
      ...[...javaArguments(found), "org.apache.kafka.tools.ProducerPerformance"],
      ...["--bootstrap-server", broker.address, "--topic", topic, "--transactional-id", "t"],
      ...["--num-records", "1", "--record-size", "1", "--throughput", "-1"],
    ], soon));

  // librdkafka says nothing when a broker lacks it, whichever broker that is.
  test(`the new group protocol: ${java.label}`, async (context: TestContext) => {
    if ("missing" in java) return context.skip(java.missing);
    // The console consumer says the error and ends with 0.
    const { output } = await runCommand("java", [
      ...[...javaArguments(java), "org.apache.kafka.tools.consumer.ConsoleConsumer"],
      ...["--bootstrap-server", broker.address, "--topic", topic, "--group", "g"],
      ...["--command-property", "group.protocol=consumer"],
    ], soon);
    expect(output).toMatch(/does not support the new CONSUMER group protocol/);
  });
});
