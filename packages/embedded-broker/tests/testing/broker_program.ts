/**
 * The broker as a separate program, for tests that kill it: `broker_program.ts DIRECTORY`. It prints its addresses on standard
 * output; SIGTERM ends it.
 */
import process from "node:process";
import { startEmbeddedBroker } from "../../mod.ts";

const broker = await startEmbeddedBroker({
  directory: process.argv[2]!,
  kafkaPort: 0,
  schemaRegistryPort: 0,
  onEvent: (event) => console.error(JSON.stringify(event)),
});
console.log(`kafka ${broker.brokers}\nschema registry ${broker.schemaRegistryUrl}`);
await Promise.race([
  new Promise<void>((resolve) => process.once("SIGTERM", () => resolve())),
  broker.failed.then(() => process.exit(1)),
]);
await broker.stop();
process.exit(0);
