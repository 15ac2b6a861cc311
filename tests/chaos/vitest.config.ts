import { defineConfig } from "vitest/config";
import { IMPORT_ALIASES } from "../support/import_aliases.ts";

/**
 * `deno task test:chaos`: twenty cycles of `deno task chaos`. Not part of `deno task test`, because it takes minutes and Apache
 * Kafka. Its file is named `*.cycles.ts`.
 */
export default defineConfig({
  resolve: { alias: IMPORT_ALIASES },
  test: {
    pool: "forks",
    include: ["tests/chaos/**/*.cycles.ts"],
    fileParallelism: false,
  },
});
