import { expect, test } from "vitest";
import { TransientError } from "@gmn/failures";
import { classifyKafkaError } from "../events/kafka_client.ts";
import { createSchemaRegistry } from "../events/schema_registry.ts";
import { unobserved } from "../observe/observe.ts";
import { classifyDatabaseError } from "../store/database_errors.ts";
import { partOf } from "./sink.ts";

test("a waiting sink reports what it waits for", async () => {
  const nobody = { url: "http://127.0.0.1:1", clientId: "test" };
  const noRegistry = await createSchemaRegistry(nobody, unobserved).writerSchema(1)
    .catch((error: unknown) => error);
  const noBroker = classifyKafkaError(new Error("no leader"), "publishing");
  const noDatabase = classifyDatabaseError(
    Object.assign(new Error("refused"), { code: "ECONNREFUSED" }),
  );
  const errors = [noRegistry, noBroker, noDatabase];
  expect(errors.every((error) => error instanceof TransientError)).toBe(true);
  expect(errors.map((error) => partOf(error as TransientError)))
    .toEqual(["registry", "broker", "database"]);
});
