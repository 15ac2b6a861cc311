import { expect, test } from "vitest";
import { createTestDatabase } from "../../tests/support/postgres.ts";
import { unobserved } from "../observe/observe.ts";
import { takeLease } from "./advisory_lease.ts";
import { readLease } from "./leases.ts";
import { readUnownedRuns } from "./run_states.ts";

test("a lease says who holds it; runs wait without an owner until somebody does", async () => {
  await using database = await createTestDatabase();
  const { sql } = database;
  await sql`
    insert into ingestion_run (id, kind, selection, state, requested_by, requested_at, last_event_offset) values
      ('b', 'daily', '{"days":1}', 'requested', 'schedule', now(), 2),
      ('a', 'backfill', '{"all":true}', 'running', 'http', now() - interval '1 minute', 1),
      ('0', 'upload', '{"upload":"file"}', 'running', 'http', now(), 0),
      ('1', 'daily', '{"days":1}', 'completed', 'schedule', now(), 0)`;
  expect(await readLease(sql, "producer")).toBeNull();
  const waiting = await readUnownedRuns(sql);
  expect(waiting).toMatchObject({ count: 2, oldest: "a" });
  expect(Date.now() - waiting.since!.getTime()).toBeGreaterThan(50_000);

  const held = await takeLease({ url: database.url, lease: "producer", observe: unobserved });
  await sql`insert into lease (name, holder) values ('producer', 'host:1')`;
  // It has the lease, and does not lead yet.
  expect(await readUnownedRuns(sql)).toMatchObject({ count: 2, oldest: "a" });
  await sql`update lease set acting_at = clock_timestamp()`;
  expect(await readLease(sql, "schedule")).toBeNull();
  const lease = await readLease(sql, "producer");
  expect(lease?.holder).toBe("host:1");
  expect(lease?.renewedAgo_s).toBeLessThan(10);
  expect(await readUnownedRuns(sql)).toMatchObject({ count: 0, oldest: null, since: null });

  await sql`update lease set acting_at = now() - interval '20 s'`;
  const frozen = await readUnownedRuns(sql);
  expect(frozen).toMatchObject({ count: 2, oldest: "a" });
  expect(frozen.waited_s).toBeGreaterThanOrEqual(20);
  expect(frozen.waited_s).toBeLessThan(40);
  await held?.release();
  expect((await readLease(sql, "producer"))?.holder).toBeNull();
});
