import { defineConfig } from "vitest/config";
import { IMPORT_ALIASES } from "../support/import_aliases.ts";

/**
 * `deno task test:clients`: real Kafka clients against the embedded broker. Apart from `deno task test`, because it
 * installs clients in other languages and takes minutes; its files are named `*.conformance.ts`.
 */
export default defineConfig({
  resolve: { alias: IMPORT_ALIASES },
  test: {
    pool: "forks",
    globalSetup: ["tests/clients/set_up.ts"],
    include: ["tests/clients/**/*.conformance.ts"],
    maxWorkers: 2,
    // Rebalances take several rounds, and a JVM takes its time to start on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The end of the broker is waited for, not cut short: its data go after it.
    teardownTimeout: 60_000,
  },
});
