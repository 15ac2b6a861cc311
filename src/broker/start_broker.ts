/**
 * Starts the broker that was chosen, or just names it when it is somebody else's.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { askDockerEngine, findRedpanda, type ProveLog } from "@gmn/engines";
import type { Observe } from "../observe/observe.ts";
import type { RunningBroker } from "./broker.ts";
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
  /** Redpanda's program, where it is not where its packages put it. */
  readonly redpandaBin: string | null;
  /** Memory of a Redpanda that we start, as Seastar wants it: `1200M`. */
  readonly redpandaMemory: string;
}

export interface StartBrokerOptions {
  readonly observe: Observe;
  /** Aborting gives up a start. */
  readonly signal: AbortSignal;
  /** Aborting hurries the stop of a Redpanda that is our child. */
  readonly hurry?: AbortSignal;
  /** How a Redpanda is asked whether records go in and come out again. */
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

/** A log that stays behind is worth a word: the new one does not have its records. */
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
  { observe, signal, hurry, proveLog }: StartBrokerOptions,
): Promise<RunningBroker> {
  const { dataDirectory, kafkaPort, schemaRegistryPort, redpandaMemory: memory } = settings;
  switch (choice.kind) {
    case "embedded":
      return await startEmbedded({
        directory: join(dataDirectory, "broker"),
        kafkaPort,
        schemaRegistryPort,
      }, observe);
    case "redpanda":
      return await startRedpandaBroker({
        program: choice.program,
        directory: join(dataDirectory, "redpanda"),
        kafkaPort,
        schemaRegistryPort,
        memory,
        observe,
        signal,
        ...(hurry === undefined ? {} : { hurry }),
        proveLog,
      });
    case "docker":
      return await startDockerBroker({
        dataDirectory,
        kafkaPort,
        schemaRegistryPort,
        memory,
        observe,
        signal,
        proveLog,
      });
    case "external":
      return nameExternal(settings, observe);
  }
}

/** Somebody else's: nothing is started, and whether it answers is found out by those who need it. */
function nameExternal(settings: BrokerSettings, observe: Observe): RunningBroker {
  const brokers = [...settings.kafkaBrokers ?? []];
  const schemaRegistryUrl = settings.schemaRegistryUrl ?? "";
  observe("broker.ready", {
    kind: "external",
    brokers: brokers.join(","),
    schemaRegistryUrl,
    took_ms: 0,
  });
  return { kind: "external", brokers, schemaRegistryUrl, stop: () => Promise.resolve() };
}
