/**
 * The command lines that start one durable Redpanda node, for both programs that can.
 *
 * The flags are Seastar's and the broker's own; everything else (addresses, directories) stands in redpanda.yaml, because
 * `--kafka-addr`, `--set`, `--mode` and their like are rpk's and unknown to the broker. Sources: Redpanda's documentation
 * 26.2 (rpk-redpanda-start) and its source (application.cc, rpk's start.go).
 */
import type { RedpandaProgram } from "./find_program.ts";

export interface NodeLimits {
  /** Memory of the broker as Seastar wants it: `1200M`, `2G`. It is taken at the start, whole. */
  readonly memory: string;
}

/** Where the configuration is and how much the node may take. */
export function redpandaArguments(
  program: RedpandaProgram,
  configurationFile: string,
  limits: NodeLimits,
): string[] {
  const seastar = [
    // One core: the log of this service needs no more, and each core wants its own gigabyte.
    "--smp",
    "1",
    "--memory",
    limits.memory,
    // Nothing is set aside beyond --memory: by default 1.5 GiB would be, and small machines could not start.
    "--reserve-memory",
    "0M",
    // Shares its core with this process: no pinning, no busy polling.
    "--overprovisioned",
    // Said aloud, because dev-container mode says the opposite: an acknowledged record is on disk.
    "--unsafe-bypass-fsync=false",
    "--default-log-level=info",
  ];
  return program.form === "redpanda"
    // Locking needs a limit that ordinary users don't have. (rpk sets it by itself when it may.)
    ? ["--redpanda-cfg", configurationFile, ...seastar, "--lock-memory=false"]
    // --check=false: rpk's checks of disks and tuning are for servers of their own.
    : ["redpanda", "start", "--config", configurationFile, ...seastar, "--check=false"];
}
