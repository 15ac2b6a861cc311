/** Python's confluent-kafka as it is today: the current librdkafka. */
import { inject } from "vitest";
import { describeConformance } from "../conformance.ts";
import { driverClient } from "../driver_client.ts";

const DRIVER = new URL("./driver.py", import.meta.url).pathname;

describeConformance(
  inject("installedClients").python,
  ({ python }) => driverClient({ command: python, args: [DRIVER] }),
);
