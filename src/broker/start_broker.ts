/** Starts the chosen broker; an external one is not started, only described. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { askDockerEngine, findRedpanda, type ProveLog } from "@gmn/engines";
import type { Observe } from "../observe/observe.ts";
import { observeReady, type RunningBroker } from "./broker.ts";
import {
  type BrokerChoice,
  type BrokerProbes,
  type BrokerSetting,
  chooseBroker,
} from "./choose_broker.ts";
import { startEmbedded } from "./embedded.ts";
import { type LocalKind, readLogHome, writeLogHome } from "./log_home.ts";
import { startDockerBroker, startRedpandaBroker } from "./redpanda.ts";

/** The settings that the choice and the start depend on. */
export interface BrokerSettings {
  readonly broker: BrokerSetting;
  readonly kafkaBrokers: readonly string[] | null;
  readonly schemaRegistryUrl: string | null;
  readonly kafkaPort: number;
  readonly schemaRegistryPort: number;
  readonly dataDirectory: string;
  /** Path of Redpanda's program, if it is not where its packages install it. */
  readonly redpandaBin: string | null;
  /** Memory for a Redpanda started here, in Seastar's notation: `1200M`. */
  readonly redpandaMemory: string;
}

export interface StartBrokerOptions {
  readonly observe: Observe;
  /** Aborting cancels the start. */
  readonly signal: AbortSignal;
  /** Aborting shortens the stop of a Redpanda that is our child process. */
  readonly hurry?: AbortSignal;
  /** Checks that a record can be written to Redpanda and read back. */
  readonly proveLog: ProveLog;
}

/** A running broker, and the reason for the choice. */
export interface ChosenBroker extends RunningBroker {
  readonly reason: string;
}

/**
 * Chooses and starts the broker.
 * @throws PermanentError with a hint: the required broker is unavailable, a port is in use, another process uses the folder, …
 */
export async function startBroker(
  settings: BrokerSettings,
  options: StartBrokerOptions,
): Promise<ChosenBroker> {
  const choice = await chooseBroker(settings, probesOf(settings));
  const reason = `${choice.reason}${await changeOf(choice, settings)}`;
  options.observe("broker.starting", { kind: choice.kind, reason });
  const broker = await startChosen(choice, settings, options);
  if (choice.kind !== "external") {
    await mkdir(settings.dataDirectory, { recursive: true });
    await writeLogHome(settings.dataDirectory, choice.kind);
  }
  return { ...broker, reason };
}

/**
 * Starts a broker of this kind on its folder under `settings.dataDirectory`, without choosing, and without recording that it keeps the
 * folder's log from now on.
 * @throws PermanentError with a hint: it is unavailable, a port is in use, another process uses the folder, …
 */
export async function startLocalBroker(
  kind: LocalKind,
  settings: BrokerSettings,
  options: StartBrokerOptions,
): Promise<RunningBroker> {
  const wanted = { broker: kind, kafkaBrokers: null };
  return await startChosen(await chooseBroker(wanted, probesOf(settings)), settings, options);
}

/** A note for the reason when another broker kept the log until now: the new one does not have its records. */
async function changeOf(
  { kind }: BrokerChoice,
  { dataDirectory }: BrokerSettings,
): Promise<string> {
  const home = await readLogHome(dataDirectory);
  return home === null || home === kind ? "" : `; until now ${home} kept this DATA_DIR's log`;
}

function probesOf({ dataDirectory, redpandaBin }: BrokerSettings): BrokerProbes {
  return {
    logHome: () => readLogHome(dataDirectory),
    findRedpanda: () => findRedpanda({ configured: redpandaBin, path: process.env.PATH ?? "" }),
    askDocker: () => askDockerEngine(),
  };
}

async function startChosen(
  choice: BrokerChoice,
  settings: BrokerSettings,
  options: StartBrokerOptions,
): Promise<RunningBroker> {
  const { dataDirectory, kafkaPort, schemaRegistryPort, redpandaMemory: memory } = settings;
  const ports = { kafkaPort, schemaRegistryPort };
  switch (choice.kind) {
    case "embedded":
      return await startEmbedded(
        { directory: join(dataDirectory, "broker"), ...ports },
        options.observe,
      );
    case "redpanda": {
      const directory = join(dataDirectory, "redpanda");
      return await startRedpandaBroker({
        program: choice.program,
        directory,
        memory,
        ...ports,
        ...options,
      });
    }
    case "docker":
      return await startDockerBroker({ dataDirectory, memory, ...ports, ...options });
    case "external":
      return describeExternal(settings, options.observe);
  }
}

/** Starts nothing, and does not check whether the broker answers; its clients find out. */
function describeExternal(
  { kafkaBrokers, schemaRegistryUrl }: BrokerSettings,
  observe: Observe,
): RunningBroker {
  const addresses = {
    kind: "external",
    brokers: kafkaBrokers ?? [],
    schemaRegistryUrl: schemaRegistryUrl ?? "",
  };
  observeReady(observe, addresses, 0);
  return { ...addresses, stop: () => Promise.resolve() };
}
