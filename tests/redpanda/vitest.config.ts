import { defineConfig } from "vitest/config";
import { IMPORT_ALIASES } from "../support/import_aliases.ts";

/**
 * `deno task test:redpanda`: what needs a Docker engine. The whole service on a real Redpanda, compose.yaml, and the image. Where no
 * engine answers every one of these tests is skipped, and counted as skipped. Their files are named `*.container.ts`.
 */
export default defineConfig({
  resolve: { alias: IMPORT_ALIASES },
  test: {
    pool: "forks",
    globalSetup: ["tests/support/global_setup.ts", "tests/redpanda/set_up.ts"],
    include: ["tests/redpanda/**/*.container.ts"],
    // There is one Redpanda, and tests of the service begin by removing the service's topics from it.
    fileParallelism: false,
    testTimeout: 120_000,
    // The first run pulls images.
    hookTimeout: 900_000,
  },
});
