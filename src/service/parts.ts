/** The parts of a running service. The other files in this folder create these parts or use them. */
import { TransientError } from "@gmn/failures";
import type { Subscription } from "../events/subscription.ts";
import type { RunDesk } from "../producer/run_desk.ts";
import type { RunEngine } from "../producer/run_engine.ts";
import type { Schedule } from "../producer/schedule.ts";
import type { ShowerNames } from "../producer/shower_names.ts";
import type { Withdrawals } from "../producer/withdrawals.ts";
import type { Store } from "../store/connection.ts";
import type { Reader } from "../store/reader.ts";
import type { DiskWatch } from "./disk_watch.ts";
import type { Boot } from "./engines.ts";
import type { LogDamages } from "./log_damage.ts";
import type { Log } from "./open_log.ts";
import type { RunRecords } from "./run_access.ts";

/** Version of the service, in `/status`, the User-Agent and the banner. */
export const VERSION = "0.1.0";

/** What the roles need in order to start. */
export interface Wiring extends Omit<Boot, "hurry"> {
  readonly disks: DiskWatch;
  readonly store: Store;
  readonly databaseUrl: string;
  readonly log: Log;
}

/** Where runs are requested, in any process that has the role `producer` or `http`. */
export interface Runs {
  readonly engine: RunEngine;
  readonly desk: RunDesk;
  readonly records: RunRecords;
  readonly withdrawals: Withdrawals;
}

/** What a process with the role `producer` has in addition to its runs. */
export interface Producer {
  readonly schedule: Schedule;
  readonly showers: ShowerNames;
}

export interface RunningParts {
  readonly store: Store;
  /** For queries that people make to the data store. */
  readonly reader: Reader;
  readonly log: Log;
  /** Whether this process runs the embedded broker, whose checks find damage in the log. */
  readonly checksLog: boolean;
  /** Of the engines that this process has started. */
  readonly disks: DiskWatch;
  /** null in a process without the role consumer. */
  readonly subscription: Subscription | null;
  /** null in a process that has neither of the roles producer and http. */
  readonly runs: Runs | null;
  /** null in a process without the role producer. */
  readonly producer: Producer | null;
  /** Where the IAU's shower list is fetched from; null if it is not fetched. */
  readonly iauShowerUrl: string | null;
  /** A short description of each. */
  readonly describe: {
    readonly broker: string;
    readonly registry: string;
    readonly database: string;
  };
}

export interface ServiceParts {
  readonly startedAt: Date;
  readonly roles: string[];
  /** Damage of the log that was found since the start. */
  readonly damages: LogDamages;
  /** null until the boot has finished. */
  running: RunningParts | null;
}

/** The parts, once they run. @throws TransientError before that */
export function runningOf(parts: ServiceParts): RunningParts {
  if (parts.running === null) {
    throw new TransientError("the service is starting; GET /readyz says when it is ready");
  }
  return parts.running;
}
