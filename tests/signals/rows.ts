/**
 * The table of src/service/signals.ts, row by row, for one user: each through `npx … deno task start`. The rows of the terminal
 * and of kill -9 are in files of their own.
 */
import { chown, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { SAME_SIGNAL_MS } from "../../src/service/signals.ts";
import { installStandIn } from "../redpanda/stand_in/behaviour.ts";
import { until } from "../support/poll.ts";
import { killBelow } from "../support/process_list.ts";
import { copyProject, denoOf, type ProjectCopy, type User } from "./project_copy.ts";
import { MOMENTS, startCaughtWhile } from "./moments.ts";
import { killRows } from "./rows_kill.ts";
import { terminalRows } from "./rows_terminal.ts";
import { isOpen, portsOf, Started, type StartOptions } from "./started.ts";

/** What the rows share. */
export interface Row {
  readonly copy: () => ProjectCopy;
  start(options?: StartOptions): Started;
  /** Does `act` to a running service, then waits for its end and asserts that it was one in order, without a trace. */
  ends(
    started: Started,
    act: (started: Started) => Promise<void> | void,
    expected: Ending,
  ): Promise<void>;
  /** Notes how long something took, for the table that is printed at the end. */
  measured(what: string, since: number): void;
}

export interface Ending {
  /** In the log; undefined where the log could not be written to its end. */
  readonly reason?: string;
  /** What npx ends with: the service's own exit code, or 128 and its number when the signal ended npx first. */
  readonly code: number;
}

/**
 * The rows, as `user`. `"of PostgreSQL"`: only those in which a start or a kill -9 leaves PostgreSQL, the one process that belongs to
 * another user where the service runs as root.
 */
export function describeRows(user: User | null, why: string, rows: "all" | "of PostgreSQL"): void {
  describe.skipIf(user === null || process.platform !== "linux")(why, { timeout: 90_000 }, () => {
    let copy: ProjectCopy;
    const times: string[] = [];
    beforeAll(async () => {
      copy = await copyProject(user!);
    });
    afterEach(() => killBelow(copy.base));
    afterAll(async () => {
      await copy.remove();
      console.log(`${why}\n${times.map((line) => `  ${line}`).join("\n")}`);
    });
    const row: Row = {
      copy: () => copy,
      start: (options) => Started.start(copy, options),
      measured(what, since) {
        const line = `${((performance.now() - since) / 1000).toFixed(2)} s  ${what}`;
        times.push(line);
      },
      async ends(started, act, expected) {
        const ports = portsOf(await started.ready());
        expect(await Promise.all(ports.map(isOpen))).toEqual(ports.map(() => true));
        const began = performance.now();
        await act(started);
        const code = await started.exited;
        await started.gone();
        row.measured(expect.getState().currentTestName!.split(" > ").at(-1)!, began);
        expect(code).toBe(expected.code);
        await endedInOrder(started, expected.reason);
        expect(await Promise.all(ports.map(isOpen))).toEqual(ports.map(() => false));
      },
    };
    startRows(row);
    killRows(row);
    if (rows === "of PostgreSQL") return;
    signalRows(row);
    outputRows(row);
    brokerRows(row);
    errorRows(row);
    terminalRows(row);
  });
}

/** The log has its two lines, and the file with the addresses is gone. */
export async function endedInOrder(started: Started, reason: string | undefined): Promise<void> {
  if (reason !== undefined) {
    const [stopping, ...more] = await started.events("service.stopping");
    expect(stopping?.detail).toEqual({ reason });
    expect(more).toEqual([]);
    expect(await started.events("service.stopped")).toHaveLength(1);
    expect(await started.events("service.release_failed")).toEqual([]);
  }
  await expect(readFile(join(started.dataDirectory, "service.json"))).rejects.toThrow("ENOENT");
}

/** Sends a signal to the service itself. */
export const toService = (signal: NodeJS.Signals) => async (started: Started) => {
  process.kill(await started.servicePid(), signal);
};
const toNpx = (signal: NodeJS.Signals) => (started: Started) => {
  process.kill(started.child.pid!, signal);
};
const toGroup = (signal: NodeJS.Signals) => (started: Started) => {
  process.kill(-started.child.pid!, signal);
};

function signalRows(row: Row): void {
  test.each<[string, (started: Started) => Promise<void> | void, Ending]>([
    ["SIGINT to the process", toService("SIGINT"), { reason: "SIGINT", code: 0 }],
    ["SIGTERM to the process", toService("SIGTERM"), { reason: "SIGTERM", code: 0 }],
    ["SIGHUP to the process", toService("SIGHUP"), { reason: "SIGHUP", code: 0 }],
    // npx and its shell end at once, and tell nobody.
    ["SIGTERM to npx", toNpx("SIGTERM"), { reason: "npx ended", code: 143 }],
    ["kill -9 of npx", toNpx("SIGKILL"), { reason: "npx ended", code: 137 }],
    // The shell of npx ends by it, and npx with that; `deno task` hands it on to the service, which has it twice.
    ["SIGINT to the group", toGroup("SIGINT"), { reason: "SIGINT", code: 130 }],
    ["SIGTERM to the group", toGroup("SIGTERM"), { reason: "SIGTERM", code: 143 }],
    ["SIGHUP to the group", toGroup("SIGHUP"), { reason: "SIGHUP", code: 129 }],
  ])("%s is a stop", (_, act, expected) => row.ends(row.start(), act, expected));

  // npx hands SIGINT to its shell. dash keeps it until its program has ended, bash is not there any more: `deno task` has it.
  test("SIGINT to npx alone may be kept by its shell; SIGTERM after it is a stop", async () => {
    const started = row.start();
    await started.ready();
    process.kill(started.child.pid!, "SIGINT");
    process.kill(started.child.pid!, "SIGTERM");
    await started.exited;
    await started.gone();
    const [stopping] = await started.events("service.stopping");
    expect(["npx ended", "SIGINT", "SIGTERM"]).toContain(stopping?.detail.reason);
    await endedInOrder(started, String(stopping?.detail.reason));
  });

  test("the same signal again within a second is the same", async () => {
    const started = row.start();
    await row.ends(started, async () => {
      const pid = await started.servicePid();
      for (let n = 0; n < 4; n++) process.kill(pid, "SIGTERM");
      await started.says("service.stopping");
      process.kill(pid, "SIGTERM");
      process.kill(pid, "SIGINT");
    }, { reason: "SIGTERM", code: 0 });
    expect(await started.events("service.hurrying")).toEqual([]);
  });

  test("a later one hurries: a Redpanda that does not stop is killed within seconds, exit code 1", async () => {
    const started = row.start(await withRedpanda(row, { refusesToStop: true }));
    const began = performance.now();
    await row.ends(started, async () => {
      const pid = await started.servicePid();
      process.kill(pid, "SIGTERM");
      // A busy machine may hand it over later; what counts is when the service heard it.
      await started.says("service.stopping");
      const first = performance.now();
      await until("a second has gone by", () => performance.now() > first + 1.2 * SAME_SIGNAL_MS);
      // A terminal that is closed in between is no order to hurry.
      process.kill(pid, "SIGHUP");
      process.kill(pid, "SIGINT");
    }, { reason: "SIGTERM", code: 1 });
    expect((await started.events("service.hurrying")).map(({ detail }) => detail))
      .toEqual([{ reason: "SIGINT again" }]);
    expect(performance.now() - began).toBeLessThan(30_000);
  });
}

/** Settings with the stand-in for Redpanda; a folder of its own, because a DATA_DIR stays with its broker. */
export async function withRedpanda(
  row: Row,
  behaviour: Parameters<typeof installStandIn>[1] = {},
): Promise<StartOptions> {
  const copy = row.copy();
  const standIn = await installStandIn(copy.base, behaviour, "redpanda", {
    deno: denoOf(copy),
    root: copy.project,
  });
  await chownAll(copy, ["redpanda", "behaviour.json"]);
  return {
    settings: {
      BROKER: "redpanda",
      REDPANDA_BIN: standIn.program.path,
      DATA_DIR: join(copy.base, "data with redpanda"),
    },
  };
}

async function chownAll({ base, user }: ProjectCopy, names: readonly string[]): Promise<void> {
  if (user.uid === process.getuid?.()) return;
  for (const name of names) await chown(join(base, name), user.uid, user.gid);
}

/** The first second: what is started by then is stopped, and the next start is a clean one. */
function startRows(row: Row): void {
  test.each([0, 100, 200, 300, 450, 600])(
    "SIGTERM %i ms after the process has begun leaves nothing",
    async (delay_ms) => {
      const started = row.start();
      const pid = await started.servicePid();
      const began = performance.now();
      await until("the moment", () => performance.now() >= began + delay_ms);
      process.kill(pid, "SIGTERM");
      const code = await started.exited;
      await started.gone();
      const log = await started.log();
      // Before the program has begun to listen, the signal has its default effect: nothing was started, nothing is said.
      expect([0, 143]).toContain(code);
      if (code === 143) return expect(log).toEqual([]);
      await endedInOrder(started, "SIGTERM");
    },
  );

  const moments: [string, () => Promise<{ started: Started; pid: number }>][] = [
    ["at its first line", async () => {
      const started = row.start();
      await started.says("service.starting");
      return { started, pid: await started.servicePid() };
    }],
    ...Object.keys(MOMENTS).map((moment): (typeof moments)[number] => [
      `while ${moment}`,
      () => startCaughtWhile(row, moment),
    ]),
  ];
  test.each(moments)("SIGTERM %s is a stop in order", async (moment, caught) => {
    const { started, pid } = await caught();
    const began = performance.now();
    process.kill(pid, "SIGTERM");
    expect(await started.exited).toBe(0);
    await started.gone();
    row.measured(`SIGTERM ${moment}`, began);
    await endedInOrder(started, "SIGTERM");
    expect(await started.events("service.ready")).toEqual([]);
  });
}

/** The broker alone: it says what it does in words, and has no file with its addresses. */
function brokerRows(row: Row): void {
  const directory = () => join(row.copy().base, "broker alone");
  const startBroker = async () => {
    const started = row.start({ task: "broker", settings: { DATA_DIR: directory() } });
    await until("its addresses", () => /schema registry +http/.test(started.out), 60_000);
    return started;
  };
  test.each<[string, (started: Started) => void, string]>([
    ["SIGTERM to npx", toNpx("SIGTERM"), "npx ended"],
    ["kill -9 of npx", toNpx("SIGKILL"), "npx ended"],
    ["SIGINT to the group", toGroup("SIGINT"), "SIGINT"],
  ])("%s stops the broker, too", async (_, act, reason) => {
    const started = await startBroker();
    act(started);
    await started.exited;
    await started.gone();
    expect(started.err).toContain(`stopping: ${reason}\n`);
  });
}

function outputRows(row: Row): void {
  test("the reader of both outputs ends (| head -1): a stop", async () => {
    const started = row.start({
      wrap: (words) => ["/bin/sh", "-c", `${words.join(" ")} 2>&1 | head -1`],
    });
    expect(await started.exited).toBe(0); // head's
    await started.gone();
    await endedInOrder(started, undefined);
  });

  test("the reader of both outputs ends while it runs: a stop at the next line, exit code 1", async () => {
    const started = row.start();
    const { http } = await started.ready();
    await row.ends(started, async () => {
      started.child.stdout?.destroy();
      started.child.stderr?.destroy();
      await fetch(new URL("/extract", http!), { method: "POST" }).catch(() => {});
    }, { code: 1 });
    expect(started.err).not.toContain("Uncaught");
  });

  test("the reader of standard output ends: a stop that the log tells, exit code 1", async () => {
    const started = row.start();
    // The banner is what is written there.
    await started.says("service.starting");
    started.child.stdout?.destroy();
    expect(await started.exited).toBe(1);
    await started.gone();
    await endedInOrder(started, "nobody reads standard output (EPIPE)");
  });

  test("standard output that can't be written, as on a full disk: a stop that the log tells, exit code 1", async () => {
    const started = row.start({
      wrap: (words) => ["/bin/sh", "-c", `exec ${words.join(" ")} >/dev/full`],
    });
    expect(await started.exited).toBe(1);
    await started.gone();
    await endedInOrder(started, "standard output can't be written (ENOSPC)");
    expect(started.err).not.toContain("    at ");
  });

  test("outputs that are closed from the start do no harm", async () => {
    const started = row.start({
      wrap: (words) => ["/bin/sh", "-c", `exec ${words.join(" ")} >&- 2>&-`],
    });
    await row.ends(started, toService("SIGTERM"), { code: 0 });
  });
}

function errorRows(row: Row): void {
  test.each<[string, NodeJS.Signals, string]>([
    ["an uncaught error", "SIGUSR2", "thrown on request"],
    ["an unhandled rejection", "SIGALRM", "rejected on request"],
  ])("%s is logged and a stop, exit code 1", async (_, signal, message) => {
    const started = row.start({ task: "start:uncaught" });
    await row.ends(started, toService(signal), { reason: `uncaught error: ${message}`, code: 1 });
    const [error] = await started.events("service.error");
    expect(error).toMatchObject({ level: "error", detail: { reason: message } });
    expect(error?.detail.stack).toContain("throws_when_asked.ts");
  });
}
