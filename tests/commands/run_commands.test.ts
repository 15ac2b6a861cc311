/** `backfill` and `extract` as processes of their own, against a whole service. */
import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestService, type TestService } from "../support/service.ts";

const ROOT = resolve(import.meta.dirname!, "../..");
let service: TestService;
/** What requests for the listing of daily files wait for. */
let held: Promise<undefined> = Promise.resolve(undefined);

beforeAll(async () => {
  service = await startTestService({
    fault: (path) => path.endsWith("/daily/") ? held : undefined,
  });
});
afterAll(() => service[Symbol.asyncDispose]());

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Runs a command; with `interrupt`, it gets a Ctrl-C at its first words. */
function command(
  name: "backfill" | "extract",
  args: string[],
  options: { environment?: Record<string, string>; interrupt?: boolean } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ["run", "-A", join(ROOT, `src/commands/${name}.ts`), ...args],
      { cwd: service.sourceFolder, env: { ...process.env, ...options.environment } },
    );
    const ended: Ended = { code: null, out: "", err: "" };
    child.stdout.on("data", (chunk) => ended.out += chunk);
    child.stderr.on("data", (chunk) => {
      // Not `child.kill`: Deno then tells of a death by the signal, whatever the exit code was.
      if (options.interrupt === true && ended.err === "") process.kill(child.pid!, "SIGINT");
      ended.err += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...ended, code }));
  });
}

const server = () => ["--server", service.service.addresses.http!];

describe("backfill", () => {
  test("lists what it would take", async () => {
    const { code, out } = await command("backfill", ["--all", "--dry-run", ...server()]);
    expect(code).toBe(0);
    expect(out).toMatch(/^traj_summary_all.txt {2}\S+ \d\d:\d\d \d+\n$/);
  });

  test("follows the run until its rows are loaded, in plain lines, and exits with 0", async () => {
    const { code, err } = await command("backfill", ["--", "--all", ...server()]);
    expect(err).toMatch(/^run [0-9a-f-]{36} at http:/);
    expect(err).toMatch(/1 of 1 file\(s\) read, 0 skipped, 0 failed/);
    expect(err).toContain(`${service.sample.rows} loaded`);
    expect(err).not.toContain("\x1b");
    expect(code).toBe(0);
  });

  test("exits with 1 when the run fails, and says why", async () => {
    const { code, err } = await command("backfill", ["--year", "2019", ...server()]);
    expect(err).toMatch(/failed: no traj_summary_yearly_2019.txt among the \d+ files listed/);
    expect(code).toBe(1);
  });

  test.each([
    [[], /say what to read/],
    [["--yeer", "2024"], /yeer/],
    [["--days", "3"], /days/],
    [["--month", "2024-13"], /month is "2024-13"; allowed/],
    [["--year", "2024", "--all"], /exactly one of/],
  ])("%j is a mistake of usage: 2, with what is allowed", async (args, reason) => {
    const { code, err } = await command("backfill", [...args, ...server()]);
    expect(err).toMatch(reason);
    expect(code).toBe(2);
  });

  test("says what to do when there is no service", async () => {
    const environment = { DATA_DIR: join(service.sourceFolder, "nowhere") };
    const { code, err } = await command("backfill", ["--all"], { environment });
    expect(err).toMatch(/no service runs on .*nowhere\nhint: .*deno task start/);
    expect(code).toBe(1);
  });
});

describe("extract", () => {
  test("finds the service of DATA_DIR, and sends the token", async () => {
    const environment = {
      DATA_DIR: join(service.sourceFolder, "../data"),
      API_TOKEN: "not-needed-but-sent",
    };
    const { code, err } = await command("extract", ["--days", "366"], { environment });
    expect(err).toMatch(/[1-9]\d* of \d+ file\(s\) read/);
    expect(code).toBe(0);
  });

  test("interrupted, leaves the run going and says so", async () => {
    const listing = Promise.withResolvers<undefined>();
    held = listing.promise;
    const { code, err } = await command("extract", ["--days", "366", ...server()], {
      interrupt: true,
    });
    expect(err).toMatch(/the run goes on: curl http:/);
    expect(code).toBe(130);
    listing.resolve(undefined);
    const id = /run ([0-9a-f-]{36})/.exec(err)![1]!;
    await service.next("run.completed", ({ runId }) => runId === id);
  });
});
