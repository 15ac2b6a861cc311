import { defineConfig } from "vitest/config";
import { IMPORT_ALIASES } from "../support/import_aliases.ts";

/**
 * `deno task test:kafka`: the conformance suite against Apache Kafka itself, which shows that the suite asks of the embedded
 * broker what Kafka does; and the tests of the whole service with Kafka as its log.
 */
export default defineConfig({
  resolve: { alias: IMPORT_ALIASES },
  test: {
    pool: "forks",
    globalSetup: ["tests/support/global_setup.ts", "tests/kafka/set_up.ts"],
    include: [
      "tests/clients/**/*.conformance.ts",
      "tests/kafka/**/*.conformance.ts",
      "tests/pipeline/**/*.test.ts",
    ],
    // There is one Kafka, and tests of the service begin by removing the service's topics from it.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Kafka takes its time to end, and its data go after it.
    teardownTimeout: 60_000,
  },
});
