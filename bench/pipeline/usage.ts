/**
 * Resource usage, read from Linux's /proc: CPU time and peak memory of the measured process, and of PostgreSQL's.
 *
 * The measured process reports its begin and end on its standard output. The process that started it samples
 * PostgreSQL's processes, because that takes time itself.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import process from "node:process";

/** Clock ticks of /proc per second (USER_HZ; 100 on every Linux that Deno runs on). */
const TICKS_PER_SECOND = 100;

/** The measured process's reports, one line of JSON each. */
export type Said =
  | { readonly event: "begin" }
  | {
    readonly event: "end";
    readonly seconds: number;
    /** Of the process, including its Worker threads. */
    readonly cpuSeconds: number;
    readonly peakRssMiB: number;
  };

/** Runs `work`, and reports its begin and its usage. */
export async function measured(work: () => Promise<void>): Promise<void> {
  // The kernel counts the peak from here (proc(5), clear_refs).
  await writeFile("/proc/self/clear_refs", "5").catch(() => {});
  say({ event: "begin" });
  const cpu = process.cpuUsage();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const status = await readFile("/proc/self/status", "utf8");
  const peakRssMiB = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
  say({ event: "end", seconds, cpuSeconds: (user + system) / 1e6, peakRssMiB });
}

function say(said: Said): void {
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly cpuTicks: number;
  readonly endedChildrenTicks: number;
}

async function statOf(pid: number): Promise<Stat | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    // The name, in brackets, may contain spaces: count the fields from its end.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const at = (field: number) => Number(fields[field - 3]);
    return { pid, parent: at(4), cpuTicks: at(14) + at(15), endedChildrenTicks: at(16) + at(17) };
  } catch {
    return null;
  }
}

/** The process that started this one. */
export async function parentOf(pid: number): Promise<number> {
  return (await statOf(pid))?.parent ?? 0;
}

/** PostgreSQL's processes: the first and its children. */
async function family(postmaster: number): Promise<Stat[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const stats = await Promise.all(pids.map(statOf));
  return stats.filter((stat): stat is Stat =>
    stat !== null && (stat.pid === postmaster || stat.parent === postmaster)
  );
}

/** CPU time of PostgreSQL so far, including processes that have ended. */
export async function postgresCpuSeconds(postmaster: number): Promise<number> {
  let ticks = 0;
  for (const { pid, cpuTicks, endedChildrenTicks } of await family(postmaster)) {
    ticks += cpuTicks + (pid === postmaster ? endedChildrenTicks : 0);
  }
  return ticks / TICKS_PER_SECOND;
}

/** Memory of PostgreSQL now; shared memory is counted once (Pss). */
export async function postgresMiB(postmaster: number): Promise<number> {
  let kib = 0;
  for (const { pid } of await family(postmaster)) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
    kib += Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
  }
  return kib / 1024;
}
