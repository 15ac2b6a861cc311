/**
 * A process that creates a Kafka client after the patches of kafkajs went wrong. Argument: the fault. Prints the result.
 */
import { createRequire } from "node:module";
import process from "node:process";
import { hintOf, PermanentError } from "@gmn/failures";
import { unobserved } from "../../src/observe/observe.ts";

const require = createRequire(import.meta.url);
const load = (module: string) => require(`kafkajs/src/${module}`);
const pathOf = (module: string) => require.resolve(`kafkajs/src/${module}`);

const CASES: Record<string, { before?: () => unknown; after?: () => unknown }> = {
  nothing: {},
  version: {
    before: () => require("kafkajs/package.json").version = "2.2.5",
  },
  "loaded before": {
    before: () => import("kafkajs"),
  },
  "one module loaded before": {
    before: () => load("protocol/requests/fetch/v4/decodeMessages.js"),
  },
  "exports undone": {
    before: () => load("producer/groupMessagesPerPartition.js"),
    after: () => {
      require.cache[pathOf("producer/groupMessagesPerPartition.js")]!.exports = () => ({});
    },
  },
  "method undone": {
    after: () => load("network/requestQueue/index.js").prototype.sendSocketRequest = () => {},
  },
  "no such method": {
    before: () =>
      delete load("network/requestQueue/index.js").prototype.scheduleCheckPendingRequests,
  },
  "another module used": {
    after: () => require.cache[pathOf("consumer/consumerGroup.js")]!.children.length = 0,
  },
  "two copies": {
    after: () => {
      for (const path of Object.keys(require.cache)) {
        if (path.includes("kafkajs")) delete require.cache[path];
      }
    },
  },
};

const { before, after } = CASES[process.argv[2] ?? ""]!;
await before?.();
const { createKafka } = await import("../../src/events/kafka_client.ts");
await after?.();
try {
  createKafka({ brokers: ["localhost:1"], clientId: "test" }, unobserved);
  process.stdout.write("made");
} catch (error) {
  if (!(error instanceof PermanentError)) throw error;
  process.stdout.write(`${error.message}\n${hintOf(error)}`);
}
