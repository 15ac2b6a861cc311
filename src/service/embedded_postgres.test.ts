import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hintOf } from "@gmn/failures";
import { startEmbeddedPostgres } from "./embedded_postgres.ts";

test(
  "its events are observed, without its password; a second owner is refused",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "gmn-owned-"));
    const observed: [string, unknown][] = [];
    const start = () =>
      startEmbeddedPostgres({
        directory,
        port: 0,
        settings: { fsync: "off" },
        observe: (name, detail) => observed.push([name, detail]),
      });
    const server = await start();
    try {
      const refusal = await start().catch((error: unknown) => error);
      expect(String(refusal)).toContain("in use by another process");
      expect(hintOf(refusal)).toContain("DATABASE_URL");
    } finally {
      await server.stop();
      await rm(server.directory, { recursive: true, force: true });
      await rm(directory, { recursive: true, force: true });
    }
    const shown = server.url.replace(/:[^:@]+@/, ":***@");
    expect(observed).toContainEqual(["database.starting", {
      directory: server.directory,
      port: 0,
    }]);
    expect(observed).toContainEqual([
      "database.ready",
      { url: shown, version: server.version, took_ms: expect.any(Number) },
    ]);
    expect(observed.at(-1)).toEqual(["database.stopped", { directory: server.directory }]);
    expect(JSON.stringify(observed)).not.toContain(new URL(server.url).password);
  },
  60_000,
);
