import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hintOf, PermanentError } from "@gmn/failures";
import { unobserved } from "../observe/observe.ts";
import { startEmbedded } from "./embedded.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gmn-start-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

test("reports the start and the stop as events", async () => {
  const names: string[] = [];
  const broker = await startEmbedded(
    { directory, kafkaPort: 0, schemaRegistryPort: 0 },
    (name) => names.push(name),
  );
  expect(broker.kind).toBe("embedded");
  await broker.stop();
  expect(names).toEqual(["broker.ready", "broker.stopped"]);
});

test("throws a permanent error with a hint when a port is taken", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  const failure = await startEmbedded(
    { directory, kafkaPort: port, schemaRegistryPort: 0 },
    unobserved,
  ).catch((error: unknown) => error);
  other.close();
  expect(failure).toBeInstanceOf(PermanentError);
  expect(hintOf(failure)).toContain("KAFKA_PORT");
});
