/** franz-go, which Redpanda's own tools use. */
import { inject } from "vitest";
import { describeConformance } from "../conformance.ts";
import { driverClient } from "../driver_client.ts";

describeConformance(
  inject("installedClients").franz,
  ({ driver }) => driverClient({ command: driver, args: [] }),
);
