/** `backfill`, `extract` and `status` as processes of their own, with their tasks' permissions, against a whole service. */
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestService, type TestService } from "../support/service.ts";
import { freePort } from "@gmn/engines";
import { taskCommand } from "../support/task_command.ts";

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
  name: "backfill" | "extract" | "status",
  args: string[],
  options: { environment?: Record<string, string>; interrupt?: boolean } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...taskCommand(name).args, ...args], {
      cwd: service.sourceFolder,
      env: { ...process.env, ...options.environment },
    });
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
    expect(err).toMatch(/^run [0-9a-f-]{36}: http:\S+\/#\/runs\/[0-9a-f-]{36}$/m);
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
    [["--yeer", "2024"], /there is no option --yeer/],
    [["--days", "3"], /there is no option --days/],
    [["--year"], /--year/],
    [["2024"], /unexpected argument "2024"/],
    [["--all", "--server", "ftp://example.org"], /not an http/],
    [["--month", "2024-13"], /month is "2024-13"; allowed/],
    [["--year", "2024", "--all"], /exactly one of/],
  ])("%j is a mistake of usage: 2, with what is allowed", async (args, reason) => {
    const named = args.includes("--server") ? [] : server();
    const { code, err } = await command("backfill", [...args, ...named]);
    expect(err).toMatch(reason);
    // One line, and what to do in it.
    expect(err).toMatch(/^backfill: .*; see deno task backfill --help\n$/);
    expect(code).toBe(2);
  });

  test("says what to do when there is no service", async () => {
    const environment = { DATA_DIR: join(service.sourceFolder, "nowhere") };
    const { code, err } = await command("backfill", ["--all"], { environment });
    expect(err).toMatch(/no service runs on .*nowhere\nhint: .*deno task start/);
    expect(code).toBe(1);
  });
});

describe("status", () => {
  test("says how every part is, and exits with 0 when all are ready", async () => {
    const { code, out, err } = await command("status", server());
    expect(err).toBe("");
    expect(out).toMatch(/^ready +http:/);
    for (const part of ["broker", "registry", "database", "consumer", "data store", "lag"]) {
      expect(out).toMatch(new RegExp(`^${part} +\\S`, "m"));
    }
    expect(code).toBe(0);
  });

  test("gives the API's answer with --json", async () => {
    const { code, out } = await command("status", ["--json", ...server()]);
    expect(JSON.parse(out)).toMatchObject({ parts: { broker: { ready: true } } });
    expect(code).toBe(0);
  });

  test("says where nobody answers, and exits with 1", async () => {
    const port = await freePort();
    const { code, err } = await command("status", ["--server", `http://127.0.0.1:${port}`]);
    expect(err).toMatch(/^error: no answer from http:.*\nhint: start the service/);
    expect(code).toBe(1);
  });
});

describe("a service that can't be used", () => {
  test("asks for a token that is not the right one: what to set", async () => {
    await using closed = await startTestService({
      sample: null,
      environment: { API_TOKEN: "the-right-token-0" },
    });
    const at = ["--server", closed.service.addresses.http!];
    for (const API_TOKEN of ["", "the-wrong-token-0"]) {
      const { code, err } = await command("extract", at, { environment: { API_TOKEN } });
      expect(err).toMatch(/^error: .*\nhint: set API_TOKEN, .* to the token that the service/);
      expect(err).not.toContain("the-wrong-token-0");
      expect(code).toBe(1);
    }
    // Reading needs none.
    expect(await command("status", at)).toMatchObject({ code: 0 });
  });

  test("listens and does not answer: how long it was waited for", async () => {
    await using mute = await muteServer();
    const { code, err } = await command("status", ["--server", mute.url]);
    expect(err).toMatch(/^error: no answer from http:\S+ within 10 s\nhint: .*frozen/);
    expect(code).toBe(1);
  });

  test("was killed: its file is not taken for it", async () => {
    const folder = join(service.sourceFolder, "killed");
    await mkdir(folder);
    const left = { pid: process.pid, http: "http://127.0.0.1:1", brokers: [], databaseUrl: "" };
    await writeFile(join(folder, "service.json"), JSON.stringify(left));
    const { code, err } = await command("status", [], { environment: { DATA_DIR: folder } });
    expect(err).toMatch(/no service runs on .*killed/);
    expect(code).toBe(1);
  });
});

/** A server that takes connections and says nothing, as a frozen process does. */
async function muteServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

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

  test("whose output nobody reads any more ends in order", async () => {
    const listing = Promise.withResolvers<undefined>();
    held = listing.promise;
    const { args } = taskCommand("extract");
    const child = spawn(process.execPath, [...args, "--days", "366", ...server()], {
      cwd: service.sourceFolder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    // After its first words, as `| head -1` does.
    child.stderr.once("data", () => child.stderr.destroy());
    expect(await ended).toBe(130);
    listing.resolve(undefined);
  });

  test("interrupted, leaves the run going and says so", async () => {
    const listing = Promise.withResolvers<undefined>();
    held = listing.promise;
    const { code, err } = await command("extract", ["--days", "366", ...server()], {
      interrupt: true,
    });
    expect(err).toMatch(/the run continues: curl http:/);
    expect(code).toBe(130);
    listing.resolve(undefined);
    const id = /run ([0-9a-f-]{36})/.exec(err)![1]!;
    await service.next("run.completed", ({ runId }) => runId === id);
  });
});
