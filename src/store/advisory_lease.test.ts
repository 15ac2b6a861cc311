import { expect, test } from "vitest";
import { createTestDatabase } from "../../tests/support/postgres.ts";
import { unobserved } from "../observe/observe.ts";
import { takeLease } from "./advisory_lease.ts";

test("one process has the lease, and the next gets it after the release", async () => {
  await using database = await createTestDatabase();
  const options = { url: database.url, lease: "schedule", observe: unobserved } as const;
  const first = await takeLease(options);
  expect(first).not.toBeNull();
  expect(await takeLease(options)).toBeNull();
  const other = await takeLease({ ...options, lease: "producer" });
  expect(other).not.toBeNull();
  await other?.release();
  await first?.release();
  const second = await takeLease(options);
  expect(second).not.toBeNull();
  await second?.release();
});

test("a process that loses the connection loses the lease and notices", async () => {
  await using database = await createTestDatabase();
  const options = { url: database.url, lease: "schedule", observe: unobserved } as const;
  const lease = await takeLease(options);
  const noticed = new Promise<void>((resolve) =>
    lease!.lost.addEventListener("abort", () => resolve())
  );
  await database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'gmn lease%' and datname = current_database()`;
  await noticed;
  const next = await takeLease(options);
  expect(next).not.toBeNull();
  await next?.release();
  await lease?.release();
});
