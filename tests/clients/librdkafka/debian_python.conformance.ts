/**
 * Debian's confluent-kafka: a librdkafka from before 2.11, which does not use what a broker has unless certain old versions
 * lie in the advertised ranges.
 */
import { inject } from "vitest";
import { describeConformance } from "../conformance.ts";
import { driverClient } from "../driver_client.ts";

const DRIVER = new URL("./driver.py", import.meta.url).pathname;

describeConformance(
  inject("installedClients").debianPython,
  ({ python }) => driverClient({ command: python, args: [DRIVER] }),
);
