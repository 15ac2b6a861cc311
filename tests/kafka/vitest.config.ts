import { defineConfig } from "vitest/config";

/**
 * `deno task test:kafka`: the conformance suite against Apache Kafka itself, which shows that the suite asks of the embedded
 * broker what Kafka does; and the tests of the whole service with Kafka as its log.
 */
export default defineConfig({
  resolve: { alias: [{ find: /^@std\/csv\//, replacement: "deno-std/csv/" }] },
  test: {
    pool: "forks",
    globalSetup: ["tests/support/global_setup.ts", "tests/kafka/set_up.ts"],
    include: ["tests/clients/**/*.conformance.ts", "tests/pipeline/**/*.test.ts"],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
