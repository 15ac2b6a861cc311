import { defineConfig } from "vitest/config";
import { IMPORT_ALIASES } from "./tests/support/import_aliases.ts";

/**
 * Vitest runs under Deno (`deno task test`), which gives the tests `Deno`, `node:sqlite` and Web
 * Workers.
 */
export default defineConfig({
  resolve: { alias: IMPORT_ALIASES },
  test: {
    pool: "forks",
    // One PostgreSQL per run, started when the first test asks for a database.
    globalSetup: ["tests/support/global_setup.ts"],
    include: [
      "src/**/*.test.ts",
      "packages/**/*.test.ts",
      "sample/**/*.test.ts",
      "tests/**/*.test.ts",
    ],
    // Two cores: more workers only make the real databases and brokers wait for each other.
    maxWorkers: 2,
    // A property test takes seconds, and many times that on a machine that does other work; a test that hangs ends all the same.
    testTimeout: 60_000,
    // Longer than a stop may take (src/service/releasers.ts): the part that did not stop is reported first.
    hookTimeout: 120_000,
  },
});
