/**
 * Import aliases for the vitest configurations. Vite resolves imports from node_modules and does not read deno.json, so the names
 * that are mapped there (`@std`) or are workspace members (`@gmn`) are mapped here, too.
 */
import { fileURLToPath } from "node:url";

const packageFile = (path: string) =>
  fileURLToPath(new URL(`../../packages/${path}`, import.meta.url));

export const IMPORT_ALIASES = [
  { find: /^@std\//, replacement: "deno-std/" },
  { find: /^@gmn\/engines$/, replacement: packageFile("engines/mod.ts") },
  { find: /^@gmn\/failures$/, replacement: packageFile("failures/mod.ts") },
  { find: /^@gmn\/kafka-formats$/, replacement: packageFile("kafka-formats/mod.ts") },
  {
    find: /^@gmn\/kafka-formats\/testing$/,
    replacement: packageFile("kafka-formats/tests/batches.ts"),
  },
  { find: /^@gmn\/embedded-broker$/, replacement: packageFile("embedded-broker/mod.ts") },
  {
    find: /^@gmn\/embedded-broker\/testing$/,
    replacement: packageFile("embedded-broker/tests/testing/mod.ts"),
  },
];
