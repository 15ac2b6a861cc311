import { defineConfig } from "vitest/config";
import { IMPORT_ALIASES } from "../support/import_aliases.ts";

/**
 * `deno task test:redpanda`: the tests that need a Docker engine: the whole service on a real Redpanda, compose.yaml, and the image.
 * Without an engine every test is skipped and reported as skipped. Their files are named `*.container.ts`.
 */
export default defineConfig({
  resolve: { alias: IMPORT_ALIASES },
  test: {
    pool: "forks",
    globalSetup: ["tests/support/global_setup.ts", "tests/redpanda/set_up.ts"],
    include: ["tests/redpanda/**/*.container.ts"],
    // There is one Redpanda, and the service's tests begin by deleting its topics there.
    fileParallelism: false,
    testTimeout: 120_000,
    // The first run pulls images.
    hookTimeout: 900_000,
  },
});
