import { expect, test } from "vitest";
import { type BrokerSettings, chooseBroker } from "./choose_broker.ts";

const settings: BrokerSettings = {
  broker: "auto",
  kafkaBrokers: null,
  schemaRegistryUrl: null,
  kafkaPort: 0,
  schemaRegistryPort: 0,
  dataDirectory: "/nowhere",
};

test.each([
  ["nothing set", {}, "embedded", /KAFKA_BROKERS/],
  ["a cluster named", { kafkaBrokers: ["a:9092"] }, "external", /KAFKA_BROKERS/],
  ["asked for the embedded one", { broker: "embedded" as const }, "embedded", /BROKER=embedded/],
  [
    "asked for an external one",
    { broker: "external" as const, kafkaBrokers: ["a:9092"] },
    "external",
    /BROKER=external/,
  ],
])("%s", (_, given, kind, reason) => {
  const choice = chooseBroker({ ...settings, ...given });
  expect(choice.kind).toBe(kind);
  expect(choice.reason).toMatch(reason);
});
