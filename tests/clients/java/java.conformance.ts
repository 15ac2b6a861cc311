/** Apache Kafka's own Java client. */
import { inject } from "vitest";
import { describeConformance } from "../conformance.ts";
import { driverClient } from "../driver_client.ts";
import { javaArguments } from "./java_arguments.ts";

describeConformance(
  inject("installedClients").java,
  (java) => driverClient({ command: "java", args: [...javaArguments(java), "Driver"] }),
);
