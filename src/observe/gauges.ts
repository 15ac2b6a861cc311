/** The gauges: values that are read when Prometheus scrapes, not counted. */
import { Gauge, type Registry } from "prom-client";

/** What is read at a scrape. Times are seconds since 1970. null, and an empty list: this process has it not, or it is unknown now. */
export interface Gauges {
  /** Whether each part that this process has works. */
  readonly parts: Readonly<Record<string, boolean>>;
  readonly lag: readonly { topic: string; partition: number; lag: number }[];
  readonly disks: readonly { holds: string; free_bytes: number; limit_bytes: number }[];
  readonly deadLetters: number | null;
  /** Whether the log is the data store's: `ok`, or what is wrong; null before the first check. */
  readonly logVerdict: string | null;
  /** Damaged ranges of the log that no repair covers; null in a process that does not run the embedded broker. */
  readonly logDamaged: number | null;
  readonly meteors: number | null;
  readonly runs: Readonly<Record<string, number>>;
  readonly newestRow_s: number | null;
  /** 0: there is none. */
  readonly newestMeteor_s: number | null;
  /** 0: there was none yet. */
  readonly lastDailySuccess_s: number | null;
  readonly leases: readonly { lease: string; renewedAgo_s: number }[];
  readonly runsWithoutOwner: number | null;
}

/** The gauges of a process of which nothing is known but which parts work. */
export function gaugesOfParts(parts: Gauges["parts"]): Gauges {
  return {
    parts,
    lag: [],
    disks: [],
    deadLetters: null,
    logVerdict: null,
    logDamaged: null,
    meteors: null,
    runs: {},
    newestRow_s: null,
    newestMeteor_s: null,
    lastDailySuccess_s: null,
    leases: [],
    runsWithoutOwner: null,
  };
}

/** Creates the gauges; the function sets them. A gauge without a value is left out of the scrape. */
export function createGauges(registry: Registry): (given: Gauges | null) => void {
  const labelled = gaugesWithLabels(registry);
  const single = gaugesOfOneValue(registry);
  return (given) => {
    for (const one of Object.values(labelled)) one.reset();
    for (const one of Object.values(single)) {
      one.reset();
      one.remove();
    }
    if (given === null) return;
    setLabelled(labelled, given);
    for (const [name, one] of Object.entries(single)) {
      const value = given[name as keyof typeof single];
      if (value !== null) one.set(value);
    }
  };
}

function gaugesWithLabels(registry: Registry) {
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  return {
    ready: gauge("gmn_part_ready", "Whether a part that this process has works", "part"),
    lag: gauge(
      "gmn_consumer_lag_records",
      "Records of a partition that are not in the database yet",
      "topic",
      "partition",
    ),
    diskFree: gauge(
      "gmn_disk_free_bytes",
      "Free bytes of the disk that holds the log, and of the one that holds the database",
      "holds",
    ),
    diskLimit: gauge(
      "gmn_disk_limit_bytes",
      "Free bytes below which runs wait (DISK_FREE_MIN_MB)",
      "holds",
    ),
    logUndecided: gauge(
      "gmn_log_undecided",
      "1 while nothing is published or loaded because the log may not be the data store's; no series while all is well",
      "verdict",
    ),
    runs: gauge("gmn_runs", "Runs on record, by state", "state"),
    leases: gauge(
      "gmn_lease_renewed_ago_seconds",
      "How long ago the process that leads renewed its lease; grows while none leads",
      "lease",
    ),
  };
}

function setLabelled(gauges: ReturnType<typeof gaugesWithLabels>, given: Gauges): void {
  for (const [part, isReady] of Object.entries(given.parts)) {
    gauges.ready.set({ part }, Number(isReady));
  }
  for (const { topic, partition, lag } of given.lag) {
    gauges.lag.set({ topic, partition: String(partition) }, lag);
  }
  for (const { holds, free_bytes, limit_bytes } of given.disks) {
    gauges.diskFree.set({ holds }, free_bytes);
    gauges.diskLimit.set({ holds }, limit_bytes);
  }
  if (given.logVerdict !== null && given.logVerdict !== "ok") {
    gauges.logUndecided.set({ verdict: given.logVerdict }, 1);
  }
  for (const [state, number] of Object.entries(given.runs)) gauges.runs.set({ state }, number);
  for (const { lease, renewedAgo_s } of given.leases) gauges.leases.set({ lease }, renewedAgo_s);
}

function gaugesOfOneValue(registry: Registry) {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  return {
    deadLetters: gauge("gmn_dead_letters", "Dead letters that have not been replayed"),
    logDamaged: gauge(
      "gmn_log_damaged_ranges",
      "Ranges of the log that the embedded broker found damaged since this process started, and that are not repaired",
    ),
    meteors: gauge("gmn_meteors", "Meteors in the data store (an estimate when there are many)"),
    newestRow_s: gauge(
      "gmn_newest_row_timestamp_seconds",
      "When a row was last stored or changed; no series without rows",
    ),
    newestMeteor_s: gauge(
      "gmn_newest_meteor_timestamp_seconds",
      "Beginning of the newest meteor; 0 without meteors",
    ),
    lastDailySuccess_s: gauge(
      "gmn_last_daily_success_timestamp_seconds",
      "End of the last daily run that completed; 0 before the first",
    ),
    runsWithoutOwner: gauge(
      "gmn_runs_without_owner",
      "Runs that wait, requested or running, while no process leads",
    ),
  };
}
