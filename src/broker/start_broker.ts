/** Starts the broker that was chosen, or only names it when it is external. */
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
import { readLogHome, writeLogHome } from "./log_home.ts";
import { startDockerBroker, startRedpandaBroker } from "./redpanda.ts";

/** The settings the choice and the start depend on. */
export interface BrokerSettings {
  readonly broker: BrokerSetting;
  readonly kafkaBrokers: readonly string[] | null;
  readonly schemaRegistryUrl: string | null;
  readonly kafkaPort: number;
  readonly schemaRegistryPort: number;
  readonly dataDirectory: string;
  /** Redpanda's program, if it is not where its packages install it. */
  readonly redpandaBin: string | null;
  /** Memory of a Redpanda that is started here, in Seastar's notation: `1200M`. */
  readonly redpandaMemory: string;
}

export interface StartBrokerOptions {
  readonly observe: Observe;
  /** Aborting gives up a start. */
  readonly signal: AbortSignal;
  /** Aborting hurries the stop of a Redpanda that is our child. */
  readonly hurry?: AbortSignal;
  /** Checks that a record goes into a Redpanda and comes out again. */
  readonly proveLog: ProveLog;
}

/** A running broker, and why it is this one. */
export interface ChosenBroker extends RunningBroker {
  readonly reason: string;
}

/**
 * Chooses and starts the broker.
 * @throws PermanentError with a hint: what must be used is not there, a port is in use, another process has the folder, …
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

/** Says when another broker kept the log until now: the new one does not have its records. */
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
      return nameExternal(settings, options.observe);
  }
}

/** Nothing is started; whether it answers is found out by those who use it. */
function nameExternal(
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
