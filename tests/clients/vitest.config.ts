import { defineConfig } from "vitest/config";
import { IMPORT_ALIASES } from "../support/import_aliases.ts";

/**
 * `deno task test:clients`: real Kafka clients against the embedded broker. Not part of `deno task test`, because it
 * installs clients in other languages and takes minutes. Its files are named `*.conformance.ts`.
 */
export default defineConfig({
  resolve: { alias: IMPORT_ALIASES },
  test: {
    pool: "forks",
    globalSetup: ["tests/clients/set_up.ts"],
    include: ["tests/clients/**/*.conformance.ts"],
    maxWorkers: 2,
    // Rebalances take several rounds, and a JVM starts slowly on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Wait until the broker has ended: its data are removed after that.
    teardownTimeout: 60_000,
  },
});
