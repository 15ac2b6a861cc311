/**
 * A database that is put back from an older backup is caught up from the log, by nothing but a start.
 */
import { expect, test } from "vitest";
import {
  append,
  caughtUp,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { startTestService } from "../support/service.ts";
import { administer, urlOfDatabase } from "../support/test_server.ts";
import { checksumProjections } from "../../src/store/projections.ts";
import { summaryOf } from "../support/trajectories.ts";

test("a database put back from an older copy is caught up", async () => {
  await using whole = await startTestService();
  const { database } = whole;
  const name = new URL(database.url).pathname.slice(1);
  const adminUrl = urlOfDatabase(database.url, "postgres");
  const cutConnections = (of: string) =>
    administer(
      adminUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${of}'`,
    );
  const schemaId = await registerSchema(whole, PYTHON_SCHEMA);
  const record = (n: number, vgeo_km_s: number) => {
    const id = `20260101000000_${String(n).padStart(5, "0")}`;
    return { key: id, value: wire(schemaId, pythonBody(summaryOf(id, { vgeo_km_s }))) };
  };
  await append(whole.kafka, Array.from({ length: 200 }, (_, n) => record(n, 20)));
  await caughtUp(whole);

  await whole.whileStopped(async () => {
    await cutConnections(name);
    await administer(adminUrl, `create database ${name}_backup template ${name}`);
  });
  await whole.run("/backfill", { all: true });
  await append(whole.kafka, Array.from({ length: 200 }, (_, n) => record(n + 100, 30)));
  await caughtUp(whole);
  const before = await checksumProjections(database.sql);

  await whole.whileStopped(async () => {
    await cutConnections(name);
    await administer(adminUrl, `drop database ${name} with (force)`);
    await administer(adminUrl, `alter database ${name}_backup rename to ${name}`);
    const [row] = await database.sql`select count(*)::int as n from meteor`;
    expect(row!.n).toBe(200);
  });
  await caughtUp(whole);
  expect(await checksumProjections(database.sql)).toEqual(before);
}, 120_000);
