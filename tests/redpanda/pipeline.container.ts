/**
 * The tests of the whole way, on a real Redpanda with its own schema registry.
 */
import { describe, expect, inject, test } from "vitest";
import { startTestService } from "../support/service.ts";
import "./set_up.ts";

const missing = inject("noContainers");

describe.skipIf(missing !== null)("on Redpanda", () => {
  describe("the whole way", async () => {
    await import("../pipeline/whole_way.test.ts");
  });
  describe("other producers", async () => {
    await import("../pipeline/other_producers.test.ts");
  });

  test("with PostgreSQL in a container too, a run is loaded", async () => {
    const environment = { DATABASE_URL: inject("containerDatabaseUrl") };
    await using whole = await startTestService({ environment });
    const run = await whole.run("/extract", { days: 366 });
    expect(run).toMatchObject({ state: "completed", rows: { loaded: run.rows.published } });
    expect(run.rows.published).toBeGreaterThan(0);
  });
});
