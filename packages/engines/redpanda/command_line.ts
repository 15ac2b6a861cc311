/**
 * The command lines that start one durable Redpanda node, for each of the two programs that can start it.
 *
 * The flags are Seastar's and the broker's own; everything else (addresses, directories) is in redpanda.yaml, because
 * `--kafka-addr`, `--set`, `--mode` and the like are rpk options that the broker does not know. Sources: Redpanda's documentation
 * 26.2 (rpk-redpanda-start) and its source (application.cc, rpk's start.go).
 */
import type { RedpandaProgram } from "./find_program.ts";

export interface NodeLimits {
  /** Memory of the broker in Seastar's notation: `1200M`, `2G`. All of it is allocated at the start. */
  readonly memory: string;
}

/** The arguments for a configuration file and a memory limit. */
export function redpandaArguments(
  program: RedpandaProgram,
  configurationFile: string,
  limits: NodeLimits,
): string[] {
  const seastar = [
    // One core is enough for this service's log, and each core needs its own gigabyte.
    "--smp",
    "1",
    "--memory",
    limits.memory,
    // Reserves nothing beyond --memory: the default of 1.5 GiB would keep small machines from starting it.
    "--reserve-memory",
    "0M",
    // It shares its core with this process: no pinning, no busy polling.
    "--overprovisioned",
    // Explicit, because dev-container mode sets the opposite: an acknowledged record is on disk.
    "--unsafe-bypass-fsync=false",
    "--default-log-level=info",
  ];
  return program.form === "redpanda"
    // Locking memory needs a limit that ordinary users don't have. (rpk raises it when it may.)
    ? ["--redpanda-cfg", configurationFile, ...seastar, "--lock-memory=false"]
    // --check=false: rpk's checks of disks and tuning are meant for dedicated servers.
    : ["redpanda", "start", "--config", configurationFile, ...seastar, "--check=false"];
}
