import { type ChildProcess, execFile as execFileWithCallback, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  appendFile,
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hintOf, PermanentError } from "@gmn/failures";
import { until } from "../../../tests/support/poll.ts";
import { processesBelow } from "../../../tests/support/process_list.ts";
import {
  freePort,
  type PostgresEvent,
  type PostgresOptions,
  type RunningPostgres,
  startPostgres,
} from "../mod.ts";
import { ask, connect } from "./connect.ts";

const execFile = promisify(execFileWithCallback);
const isRoot = process.getuid?.() === 0;
let directory: string;
/** A directory with a cluster to copy, because initdb is the slowest step. */
let prototype: string;
let events: PostgresEvent[];
const toStop: RunningPostgres[] = [];
const children: ChildProcess[] = [];
const kinds = (): string[] => events.map(({ kind }) => kind);

const newDirectory = async (): Promise<string> => {
  const parent = await mkdtemp(join(tmpdir(), "gmn-embedded-"));
  await chmod(parent, 0o755);
  return join(parent, "postgres");
};
beforeAll(async () => {
  prototype = await newDirectory();
  const server = await startPostgres({
    directory: prototype,
    port: 0,
    connect,
    onEvent: () => {},
  });
  await server.stop();
});
afterAll(() => rm(join(prototype, ".."), { recursive: true, force: true }));
beforeEach(async () => {
  directory = await newDirectory();
  events = [];
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  const servers = toStop.splice(0);
  // All servers are stopped before any directory is removed: several may have used the same one.
  for (const server of servers) await server.stop();
  for (const server of servers) await rm(server.directory, { recursive: true, force: true });
  await rm(join(directory, ".."), { recursive: true, force: true });
});

/** Copies a cleanly stopped cluster into `directory`. */
async function copyPrototype(): Promise<void> {
  await cp(prototype, directory, { recursive: true });
  const { uid, gid } = await stat(prototype);
  await execFile("chown", ["-R", `${uid}:${gid}`, directory]);
  await execFile("chmod", ["-R", "go=", directory]);
}

async function start(options: Partial<PostgresOptions> = {}): Promise<RunningPostgres> {
  const server = await startPostgres({
    directory,
    port: 0,
    connect,
    onEvent: (event) => events.push(event),
    settings: { fsync: "off" },
    ...options,
  });
  toStop.push(server);
  return server;
}

const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then((value) => ({ resolved: value }), (error: unknown) => error);

const postmasterPid = async ({ directory }: RunningPostgres): Promise<number> =>
  Number((await readFile(join(directory, "cluster/postmaster.pid"), "utf8")).split("\n")[0]);
/** Whether a process runs. A zombie counts as ended: in a container, pid 1 may never reap it. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !(process.platform === "linux" &&
      /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8")));
  } catch {
    return false;
  }
};

/** The supervisors of the server in `directory`. */
const supervisorPids = async (): Promise<number[]> =>
  (await readdir(join(directory, "cluster"))).flatMap((name) => {
    const [, pid] = /^gmn_supervisor\.(\d+)$/.exec(name) ?? [];
    return pid === undefined ? [] : [Number(pid)];
  });

/**
 * Starts the server of `directory` in its own process and kills that process without a chance to stop the server. Also kills the
 * supervisor, unless `spareSupervisor` is set.
 */
async function startInKilledProcess({ spareSupervisor = false } = {}): Promise<number> {
  const script = fileURLToPath(new URL("./postgres_owner.ts", import.meta.url));
  const child = spawn(process.execPath, ["run", "-A", script, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [said] = await once(child.stdout, "data") as [Uint8Array];
  const pid = child.pid!;
  // A frozen process starts no new supervisor. Not `child.kill`: Deno would consider the process ended.
  process.kill(pid, "SIGSTOP");
  if (!spareSupervisor) {
    for (const supervisor of await supervisorPids()) process.kill(supervisor, "SIGKILL");
  }
  process.kill(pid, "SIGKILL");
  await until("its end", () => !isAlive(pid));
  return (JSON.parse(new TextDecoder().decode(said)) as { port: number }).port;
}

describe("an embedded PostgreSQL", () => {
  test("serves on loopback with a password, stops without a trace, and keeps its data for the next start", async () => {
    const server = await start();
    expect(server.url).toMatch(
      new RegExp(`^postgres://gmn:[\\w-]{20,}@127\\.0\\.0\\.1:${server.port}/gmn_data_store$`),
    );
    expect(server.directory).toBe(directory);
    const [settings] = await ask(
      server,
      `
      select current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets,
        current_setting('server_version') as version, current_setting('TimeZone') as zone,
        current_setting('data_checksums') as checksums, current_setting('password_encryption') as passwords,
        pg_encoding_to_char(encoding) as encoding, 'a' < 'B' as words from pg_database where datname = current_database()`,
    );
    expect(settings).toEqual({
      addresses: "127.0.0.1",
      sockets: "",
      version: server.version,
      zone: "UTC",
      checksums: "on",
      passwords: "scram-sha-256",
      encoding: "UTF8",
      words: false,
    });
    expect((await stat(join(directory, "cluster/gmn_password"))).mode & 0o777).toBe(0o600);
    const without = Object.assign(new URL(server.url), { password: "wrong" }).href;
    expect(await caught(ask({ url: without }, "select 1"))).toMatchObject({
      cause: { code: "28P01" },
    });

    await ask(server, "create table kept as select 42 as answer");
    const pid = await postmasterPid(server);
    await server.stop();
    await server.stop();
    // pg_ctl returns when the pid file is gone, a moment before the process is.
    await until("its end", () => !isAlive(pid));
    expect(await readdir(directory)).toEqual(["cluster", "postgresql.log"]);

    const again = await start();
    expect(again.url.split("@")[0]).toBe(server.url.split("@")[0]);
    expect(await ask(again, "select answer from kept")).toEqual([{ answer: 42 }]);
    expect(kinds()).toEqual(
      expect.arrayContaining(["starting", "ready", "stopped"]),
    );
    // No event contains the password.
    expect(JSON.stringify(events)).not.toContain(
      new URL(server.url).password,
    );
  });

  test("names the port and the setting when the port is in use", async () => {
    await copyPrototype();
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const failure = await caught(start({ port }));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(String(failure)).toContain(`port ${port} `);
    expect(hintOf(failure)).toContain("POSTGRES_PORT");
    other.close();
    await once(other, "close");
    expect((await start({ port })).port).toBe(port);
  });

  test.skipIf(process.platform === "win32")(
    "of a killed process ends by itself within ten seconds, and a start in the meantime waits for that",
    async () => {
      await copyPrototype();
      await startInKilledProcess({ spareSupervisor: true });
      // Server and supervisor, which may have ended by now.
      await until("their end", async () => (await processesBelow(directory)).length === 0, 10_000);

      for (let time = 0; time < 3; time++) {
        await startInKilledProcess({ spareSupervisor: true });
        const next = await start();
        const [supervisor, ...more] = await supervisorPids();
        expect(more).toEqual([]);
        expect(isAlive(supervisor!)).toBe(true);
        // The old supervisor no longer stops the server.
        expect(await ask(next, "select 1 as one")).toEqual([{ one: 1 }]);
        await next.stop();
        expect(isAlive(supervisor!)).toBe(false);
        expect(await supervisorPids()).toEqual([]);
      }
      expect(kinds()).not.toContain("restarted");
    },
  );

  test("of a killed process without a supervisor is adopted, or restarted when another port is requested", async () => {
    await copyPrototype();
    const port = await startInKilledProcess();
    const adopted = await start();
    expect(adopted.port).toBe(port);
    const pid = await postmasterPid(adopted);
    await ask(adopted, "create table kept as select 1 as n");
    await adopted.stop();
    await until("its end", () => !isAlive(pid));

    const orphan = await startInKilledProcess();
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port: wanted } = free.address() as { port: number };
    free.close();
    await once(free, "close");
    const moved = await start({ port: wanted });
    expect(moved.port).toBe(wanted);
    expect(wanted).not.toBe(orphan);
    expect(await ask(moved, "select n from kept")).toEqual([{ n: 1 }]);
  });

  test("of a living process is left alone", async () => {
    await copyPrototype();
    const server = await start();
    const failure = await caught(start());
    expect(failure).toBeInstanceOf(PermanentError);
    expect(String(failure)).toContain("in use by another process");
    expect(await ask(server, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("when started twice at once on a new directory, one start succeeds and the other is refused", async () => {
    const ends = await Promise.allSettled([start(), start()]);
    expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(String(ends.find((end) => end.status === "rejected")?.reason)).toContain(
      "in use by another process",
    );
    expect((await readdir(directory)).sort()).toEqual(["cluster", "postgresql.log"]);
    expect(await ask(toStop[0]!, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  // The settings of another start on the same cluster give it another port, too, when it reads those.
  test("is used on the port that its own settings give it", async () => {
    await copyPrototype();
    const port = await freePort();
    await appendFile(join(directory, "cluster/postgresql.conf"), `port = ${port}\n`);
    const server = await start();
    expect(server.port).toBe(port);
    expect(await ask(server, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("is refused with a hint when its own settings give it another port than wanted", async () => {
    await copyPrototype();
    const [wanted, other] = [await freePort(), await freePort()];
    await appendFile(join(directory, "cluster/postgresql.conf"), `port = ${other}\n`);
    const error = await caught(start({ port: wanted }));
    expect(String(error)).toContain(
      `started for port ${wanted} (POSTGRES_PORT) and listens on ${other}`,
    );
    expect(hintOf(error)).toContain("postgresql.conf");
    expect(await readdir(join(directory, "cluster"))).not.toContain("postmaster.pid");
  });

  test("starts when a crash has left an empty pid file", async () => {
    await copyPrototype();
    await writeFile(join(directory, "cluster/postmaster.pid"), "");
    expect(await ask(await start(), "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("starts when its old pid now belongs to another process, as in a restarted container", async () => {
    await copyPrototype();
    const server = await start();
    const text = await readFile(join(directory, "cluster/postmaster.pid"), "utf8");
    await server.stop();
    await writeFile(
      join(directory, "cluster/postmaster.pid"),
      text.replace(/^\d+/, String(process.pid)),
    );
    expect(await ask(await start(), "select 1 as one")).toEqual([{ one: 1 }]);
  });

  // SIGQUIT is PostgreSQL's immediate shutdown: our session ends while the server is still shutting down.
  test.each(["SIGKILL", "SIGQUIT"])(
    "is restarted on its port after a %s, with all committed data",
    async (signal) => {
      await copyPrototype();
      const server = await start();
      await ask(server, "create table kept as select 7 as n");
      const pid = await postmasterPid(server);
      process.kill(pid, signal);
      await until("the restart", () => kinds().includes("restarted"));
      expect(await postmasterPid(server)).not.toBe(pid);
      expect(await ask(server, "select n from kept")).toEqual([{ n: 7 }]);
      await server.stop();
      expect(kinds().filter((kind) => kind === "restarted")).toHaveLength(1);
    },
  );

  test.each(["SIGKILL", "SIGQUIT"])(
    "that ends by %s while it starts is started again",
    async (signal) => {
      await copyPrototype();
      const starting = start();
      const pid = await until("the server starts", async () => {
        const text = await readFile(join(directory, "cluster/postmaster.pid"), "utf8")
          .catch(() => "");
        return Number(text.split("\n")[0]) || null;
      });
      process.kill(pid, signal);
      const server = await starting;
      expect(await ask(server, "select 1 as one")).toEqual([{ one: 1 }]);
    },
  );

  test("whose owner's connection ends twice in a row is owned again each time", async () => {
    await copyPrototype();
    let sessions = 0;
    const server = await start({
      connect(url, onClose) {
        const session = connect(url, onClose);
        if (++sessions !== 2) return session;
        // Right after the second session has the lock, while the rest of the start is still under way.
        return {
          ...session,
          sql: async (text, ...values) => {
            const rows = await session.sql(text, ...values);
            setImmediate(onClose);
            return rows;
          },
        };
      },
    });
    await ask(
      server,
      "select pg_terminate_backend(pid) from pg_stat_activity " +
        "where pid <> pg_backend_pid() and backend_type = 'client backend'",
    );
    await until("a third session", () => sessions >= 3);
    const pid = await postmasterPid(server);
    process.kill(pid, "SIGKILL");
    await until("the restart", async () => await postmasterPid(server).catch(() => pid) !== pid);
  });

  test("leaves nothing unfinished when its creation is cancelled", async () => {
    const aborter = new AbortController();
    const reason = new Error("shutdown");
    const starting = caught(start({ signal: aborter.signal }));
    await until(
      "initdb at work",
      async () =>
        (await readdir(directory).catch(() => [])).some((name) => name.startsWith("cluster.new-")),
    );
    aborter.abort(reason);
    expect(await starting).toBe(reason);
    expect(await readdir(directory)).toEqual([]);
    await mkdir(join(directory, "cluster.new-killed"));
    expect(await ask(await start(), "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("of another major version is not changed, and the error names the solution", async () => {
    await copyPrototype();
    const server = await start();
    await server.stop();
    await writeFile(join(directory, "cluster/PG_VERSION"), "12\n");
    const failure = await caught(start());
    expect(String(failure)).toContain("was made by PostgreSQL 12");
    expect(hintOf(failure)).toContain("rebuild");
  });

  test("reports the server's log when it can't start", async () => {
    await copyPrototype();
    const failure = await caught(start({ settings: { shared_buffers: "nonsense" } }));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(String(failure)).toContain('invalid value for parameter "shared_buffers"');
    expect(hintOf(failure)).toContain("postgresql.log");
  });

  test.runIf(isRoot)(
    "is created elsewhere when its user can't reach the directory, with an event; a deleted one starts over",
    async () => {
      await chmod(join(directory, ".."), 0o700);
      const server = await start();
      expect(server.directory).toMatch(/^\/var\/lib\/gmn-data-store\//);
      expect(events).toContainEqual(
        expect.objectContaining({ kind: "moved", directory: server.directory }),
      );
      expect((await readFile(join(directory, "LOCATION"), "utf8")).trim()).toBe(server.directory);
      await ask(server, "create table kept as select 1 as n");
      await server.stop();
      const again = await start();
      expect(again.directory).toBe(server.directory);
      expect(await ask(again, "select n from kept")).toEqual([{ n: 1 }]);
      await again.stop();

      await rm(directory, { recursive: true });
      const anew = await start();
      expect(anew.directory).toBe(server.directory);
      expect(await ask(anew, "select to_regclass('kept') as there")).toEqual([{ there: null }]);
      for (const name of await readdir("/var/lib/gmn-data-store")) {
        const path = join("/var/lib/gmn-data-store", name);
        if (path.startsWith(`${server.directory}.old-`)) await rm(path, { recursive: true });
      }
    },
  );
});
