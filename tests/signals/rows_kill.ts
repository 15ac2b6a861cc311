/**
 * The rows of kill -9: what the killed service had started ends by itself, and the next start is clean.
 */
import process from "node:process";
import { expect, test } from "vitest";
import { SUPERVISED_END_MS } from "@gmn/engines";
import { until } from "../support/poll.ts";
import { MOMENTS, startCaughtWhile } from "./moments.ts";
import { type Row, toService, withRedpanda } from "./rows.ts";
import type { ListedProcess } from "../support/process_list.ts";
import { isOpen, portsOf, type Started, type StartOptions } from "./started.ts";

const isSupervisor = ({ command }: ListedProcess) => /-supervisor /.test(command);

/** Starts once more, at once, and stops it: no restart of anything, no warning of a part that was not released. */
async function nextStartIsClean(row: Row, options: StartOptions): Promise<void> {
  const next = row.start(options);
  await row.ends(next, toService("SIGTERM"), { reason: "SIGTERM", code: 0 });
  expect((await next.log()).filter(({ level }) => level === "error")).toEqual([]);
  expect(await next.events("database.restarted")).toEqual([]);
  expect(await next.events("broker.restarting")).toEqual([]);
}

/** See rows.ts. */
export function killRows(row: Row): void {
  const engines: [string, () => Promise<StartOptions>][] = [
    ["PostgreSQL", () => Promise.resolve({})],
    ["PostgreSQL and Redpanda", () => withRedpanda(row)],
  ];

  test.each(engines)("kill -9: %s end by themselves", async (name, optionsOf) => {
    const options = await optionsOf();
    const started = row.start(options);
    const ports = portsOf(await started.ready());
    expect((await started.processes()).filter(isSupervisor)).toHaveLength(
      name.split(" and ").length,
    );
    const began = performance.now();
    process.kill(await started.servicePid(), "SIGKILL");
    await started.gone(SUPERVISED_END_MS);
    row.measured(`kill -9: ${name}`, began);
    expect(await Promise.all(ports.map(isOpen))).toEqual(ports.map(() => false));
    await nextStartIsClean(row, options);
  });

  test.each(engines)("kill -9 and a start at once: %s", async (_, optionsOf) => {
    const options = await optionsOf();
    for (let time = 0; time < 2; time++) {
      const started = row.start(options);
      await started.ready();
      process.kill(await started.servicePid(), "SIGKILL");
      await started.exited;
      await nextStartIsClean(row, options);
    }
  });

  test("kill -9 of the whole group", async () => {
    const started = row.start();
    await started.ready();
    const began = performance.now();
    process.kill(-started.child.pid!, "SIGKILL");
    await started.gone(SUPERVISED_END_MS);
    row.measured("kill -9 of the whole group", began);
    await nextStartIsClean(row, {});
  });

  test("kill -9 of a Redpanda's service where it refuses to stop: killed in time", async () => {
    const options = await withRedpanda(row, { refusesToStop: true });
    const started = row.start(options);
    await started.ready();
    const began = performance.now();
    process.kill(await started.servicePid(), "SIGKILL");
    await started.gone(SUPERVISED_END_MS);
    row.measured("kill -9: a Redpanda that refuses to stop", began);
    await nextStartIsClean(row, await withRedpanda(row));
  });

  test.each(Object.keys(MOMENTS))("kill -9 while %s", async (moment) => {
    const { started, pid } = await startCaughtWhile(row, moment);
    const began = performance.now();
    process.kill(pid, "SIGKILL");
    await started.gone(SUPERVISED_END_MS);
    row.measured(`kill -9 while ${moment}`, began);
    await nextStartIsClean(row, { settings: { DATA_DIR: started.dataDirectory } });
  });

  test("a supervisor that is killed is replaced", async () => {
    const started = row.start();
    await row.ends(started, async () => {
      const [first] = (await started.processes()).filter(isSupervisor);
      process.kill(first!.pid, "SIGKILL");
      await until(
        "another one",
        async () =>
          (await started.processes()).find((one) => isSupervisor(one) && one.pid !== first!.pid),
      );
      process.kill(await started.servicePid(), "SIGTERM");
    }, { reason: "SIGTERM", code: 0 });
  });

  test.each(engines)(
    "kill -9 of service and supervisors: the next start takes care of %s",
    async (_, optionsOf) => {
      const options = await optionsOf();
      const started: Started = row.start(options);
      await started.ready();
      const service = await started.servicePid();
      // The service first would let its supervisor begin; a frozen one starts no other.
      process.kill(service, "SIGSTOP");
      for (const { pid } of (await started.processes()).filter(isSupervisor)) {
        process.kill(pid, "SIGKILL");
      }
      process.kill(service, "SIGKILL");
      await started.exited;
      expect((await started.processes()).length).toBeGreaterThan(0);
      await nextStartIsClean(row, options);
    },
  );
}
