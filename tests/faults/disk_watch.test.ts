/**
 * A disk that fills: a service whose DATA_DIR is on a small tmpfs stops publishing before the disk is full, says so everywhere, and
 * goes on by itself when there is room.
 */
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startTestService, type TestService } from "../support/service.ts";
import { until } from "../support/poll.ts";
import { withSmallDisk } from "../support/small_disk.ts";

const MIB = 1024 * 1024;
/** Of the disk, and of what must stay free. */
const DISK_MIB = 160;
const LIMIT_MIB = 40;

/** A file that leaves `free_MiB` on the disk. */
async function fill(disk: string, free_MiB: number): Promise<string> {
  const { bavail, bsize } = await statfs(disk);
  const path = join(disk, "filler");
  await writeFile(path, new Uint8Array(bavail * bsize - free_MiB * MIB));
  return path;
}

const request = (whole: TestService, path: string, body: string, type = "application/json") =>
  whole.api(path, { method: "POST", body, headers: { "content-type": type } });

test("runs wait before the disk is full, new ones are refused, and all goes on with room", async (context) => {
  await withSmallDisk(context, DISK_MIB, async (disk) => {
    const dataDirectory = join(disk, "data");
    await mkdir(dataDirectory);
    const answering = Promise.withResolvers<void>();
    await using whole = await startTestService({
      environment: { DATA_DIR: dataDirectory, DISK_FREE_MIN_MB: `${LIMIT_MIB}` },
      fault: async (path) => {
        if (path.endsWith(".txt")) await answering.promise;
        return undefined;
      },
    });
    const asked = await request(whole, "/backfill", `{"all":true}`);
    expect(asked.status).toBe(202);
    const { run_id } = await asked.json();
    await whole.next("run.planned", ({ runId }) => runId === run_id);

    const filler = await fill(disk, 2 * LIMIT_MIB);
    expect(await whole.next("disk.filling")).toMatchObject({
      holds: "log",
      limit_bytes: LIMIT_MIB * MIB,
    });
    expect((await whole.api("/readyz")).status).toBe(200);
    await rm(filler);

    const full = await fill(disk, LIMIT_MIB / 2);
    const { free_bytes } = await whole.next("disk.filled");
    expect(free_bytes).toBeLessThan(LIMIT_MIB * MIB);
    // The run has its file now, and can't publish its rows.
    answering.resolve();
    const waits = await whole.next(
      "dependency.unavailable",
      ({ work }) => /^publishing/.test(work),
    );
    expect(waits.reason).toMatch(
      /the disk of the log \(.*\) has [\d.]+ MiB free, less than the 40 MiB of DISK_FREE_MIN_MB/,
    );
    expect((await (await whole.api(`/runs/${run_id}`)).json()).state).toBe("running");

    const refused = [
      await request(whole, "/backfill", `{"year":2025}`),
      await request(whole, "/extract", "{}"),
      await request(whole, "/trajectories", "x", "text/plain"),
    ];
    for (const answer of refused) {
      expect(answer.status).toBe(503);
      expect((await answer.json()).detail).toMatch(/MiB free.*docs\/runbook\.md#gmndiskfull/);
    }
    const ready = await whole.api("/readyz");
    expect(ready.status).toBe(503);
    expect((await ready.json()).not_ready).toEqual({ disk: expect.stringMatching(/MiB free/) });
    const status = await (await whole.api("/status")).json();
    expect(status.disks).toMatchObject({ log: { state: "full" }, database: null });
    expect(status.parts.disk.ready).toBe(false);
    const metrics = await (await whole.api("/metrics")).text();
    expect(metrics).toMatch(/^gmn_disk_limit_bytes\{holds="log"\} 41943040$/m);
    expect(Number(/^gmn_disk_free_bytes\{holds="log"\} (\d+)$/m.exec(metrics)?.[1]))
      .toBeLessThan(LIMIT_MIB * MIB);

    await rm(full);
    await whole.next("disk.resumed");
    const loaded = await whole.next("run.loaded", ({ runId }) => runId === run_id);
    expect(loaded.rowsLoaded).toBeGreaterThan(0);
    await until(
      "the run is over",
      async () => (await (await whole.api(`/runs/${run_id}`)).json()).state === "completed",
    );
    expect((await whole.api("/readyz")).status).toBe(200);
  });
});
