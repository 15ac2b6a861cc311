/**
 * A process that owns a Redpanda until it is killed. Its argument is the directory, the program comes as JSON on standard input;
 * the brokers go to standard output.
 */
import { text } from "node:stream/consumers";
import { startRedpandaBroker } from "../../src/broker/redpanda.ts";
import { createKafka } from "../../src/events/kafka_client.ts";
import { proveRoundTrip } from "../../src/events/log_round_trip.ts";
import { unobserved } from "../../src/observe/observe.ts";

const { brokers } = await startRedpandaBroker({
  program: JSON.parse(await text(process.stdin)),
  directory: process.argv[2] ?? "",
  kafkaPort: 0,
  schemaRegistryPort: 0,
  memory: "1200M",
  observe: unobserved,
  proveLog: (brokers, signal) =>
    proveRoundTrip(createKafka({ brokers, clientId: "owner" }, unobserved), signal),
});
process.stdout.write(`${JSON.stringify(brokers)}\n`);
