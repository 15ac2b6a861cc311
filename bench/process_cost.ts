/**
 * The CPU time and memory of another process so far, from /proc (Linux).
 */
import { readFileSync } from "node:fs";

/** Clock tick of the CPU times in /proc, the same on every Linux that Deno runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time and peak resident memory since the start of the process. */
export interface ProcessCost {
  readonly cpu_s: number;
  readonly peak_bytes: number;
}

/** Cost of a running process. @throws Error when no process has this id */
export function processCost(pid: number): ProcessCost {
  // The command's name, in brackets, may contain spaces: fields are counted after it.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
  const peak_kb = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return {
    cpu_s: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    peak_bytes: Number(peak_kb) * 1024,
  };
}
