import { defineConfig } from "vitest/config";
import { IMPORT_ALIASES } from "../support/import_aliases.ts";

/**
 * `deno task test:kafka`: the conformance suite against Apache Kafka itself, which shows that the suite expects what Kafka does,
 * and the tests of the whole service with Kafka as its log.
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
    // There is one Kafka, and the service's tests begin by deleting its topics there.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Kafka ends slowly, and its data are removed after that.
    teardownTimeout: 60_000,
  },
});
