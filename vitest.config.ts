import { defineConfig } from "vitest/config";

/**
 * Vitest runs under Deno (`deno task test`), which gives the tests `Deno`, `node:sqlite` and Web
 * Workers. Vite resolves imports from node_modules and does not read deno.json's import map, so the
 * one name that is mapped there is mapped here too.
 */
export default defineConfig({
  resolve: { alias: [{ find: /^@std\//, replacement: "deno-std/" }] },
  test: {
    pool: "forks",
    // One PostgreSQL per run, started when the first test asks for a database.
    globalSetup: ["tests/support/global_setup.ts"],
    include: ["src/**/*.test.ts", "sample/**/*.test.ts", "tests/**/*.test.ts"],
    // Two cores: more workers only make the real databases and brokers wait for each other.
    maxWorkers: 2,
    testTimeout: 20_000,
    // Longer than a stop may take (src/service/releasers.ts): the part that did not stop is told first.
    hookTimeout: 120_000,
  },
});
