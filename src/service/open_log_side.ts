/**
 * Opens a log that a command line names, to copy from it or to it.
 *
 *     kafka://…   ─▶ connected, with the settings for external clusters
 *     KIND:DIR    ─ a service runs on DIR ─▶ source: read through that service    target: refused
 *                 ─ none ─▶ the broker is started on a free port, and stopped at the end; a source must be there already
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { PermanentError } from "@gmn/failures";
import { type LocalKind, readLogHome, writeLogHome } from "../broker/log_home.ts";
import { startLocalBroker } from "../broker/start_broker.ts";
import { type Config, readConfig } from "../config.ts";
import { createKafka } from "../events/kafka_client.ts";
import { createRegistrySubjects } from "../events/registry_subjects.ts";
import type { ReplicationSettings } from "../events/replication.ts";
import { createSchemaRegistry } from "../events/schema_registry.ts";
import type { Observe } from "../observe/observe.ts";
import type { LogSide } from "../recovery/record_copy.ts";
import { readAddresses } from "./address_file.ts";
import { type LogAddress, logAddressText } from "./log_address.ts";
import { type LogAccess, readLogAccess } from "./log_access.ts";
import { CLIENT_ID, proveLog } from "./open_log.ts";

/** An opened log. */
export interface OpenedLogSide extends LogSide {
  /** The settings for the copies of new topics; null for a broker of one node that was started here. */
  readonly replication: ReplicationSettings | null;
  /** Whether a service works on it, and appends to it meanwhile. */
  readonly isLive: boolean;
  /** Records that this broker keeps the log of its folder, where no other does so far. */
  claimFolder(): Promise<void>;
  close(): Promise<void>;
}

export interface OpenLogSideOptions {
  readonly role: "source" | "target";
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Put before the names of the settings of an external cluster: `OLD_` reads OLD_KAFKA_SASL_USER, …; usually empty. */
  readonly prefix: string;
  readonly observe: Observe;
  readonly signal: AbortSignal;
}

/** Settings of an external cluster that are not its addresses. */
const EXTERNAL_SETTINGS = [
  "KAFKA_TLS",
  "KAFKA_CA_FILE",
  "KAFKA_CERT_FILE",
  "KAFKA_KEY_FILE",
  "KAFKA_SASL_MECHANISM",
  "KAFKA_SASL_USER",
  "KAFKA_SASL_PASSWORD",
  "KAFKA_REPLICATION_FACTOR",
  "KAFKA_MIN_INSYNC_REPLICAS",
  "SCHEMA_REGISTRY_USER",
  "SCHEMA_REGISTRY_PASSWORD",
  "SCHEMA_REGISTRY_TOKEN",
  "SCHEMA_REGISTRY_CA_FILE",
];
/** Settings of brokers that are started here. */
const LOCAL_SETTINGS = ["REDPANDA_BIN", "REDPANDA_MEMORY"];

const NO_ACCESS: LogAccess = { kafka: {}, registry: {} };

/**
 * Opens the log.
 * @throws PermanentError with a hint: no such log, in use, the broker can't be started, a setting that can't work
 */
export async function openLogSide(
  address: LogAddress,
  options: OpenLogSideOptions,
): Promise<OpenedLogSide> {
  const nothing = () => Promise.resolve();
  if (address.kind === "kafka") {
    const config = externalConfig(address, options);
    return {
      ...connect(address, await readLogAccess(config), options.observe),
      replication: config.kafkaReplication,
      isLive: false,
      claimFolder: nothing,
      close: nothing,
    };
  }
  const { kind, directory } = address;
  const live = await readAddresses(directory);
  if (live !== null) {
    await assertReadable(kind, directory, live.pid, options.role);
    return {
      ...connect(live, NO_ACCESS, options.observe),
      replication: null,
      isLive: true,
      claimFolder: nothing,
      close: nothing,
    };
  }
  if (options.role === "source") await assertThere(kind, directory);
  const broker = await startLocalBroker(kind, localConfig(directory, options), {
    observe: options.observe,
    signal: options.signal,
    proveLog: (brokers, until) => proveLog(brokers, until, options.observe),
  });
  return {
    ...connect(broker, NO_ACCESS, options.observe),
    replication: null,
    isLive: false,
    async claimFolder() {
      if (await readLogHome(directory) === null) await writeLogHome(directory, kind);
    },
    close: () => broker.stop(),
  };
}

function connect(
  { brokers, schemaRegistryUrl: url }: {
    readonly brokers: readonly string[];
    readonly schemaRegistryUrl: string;
  },
  access: LogAccess,
  observe: Observe,
): LogSide {
  const registry = { url, clientId: CLIENT_ID, ...access.registry };
  return {
    kafka: createKafka({ brokers, clientId: CLIENT_ID, ...access.kafka }, observe),
    registry: createSchemaRegistry(registry, observe),
    subjects: createRegistrySubjects(registry),
  };
}

function externalConfig(
  { brokers, schemaRegistryUrl }: Extract<LogAddress, { readonly kind: "kafka" }>,
  { environment, prefix }: OpenLogSideOptions,
): Config {
  return readConfig({
    ...Object.fromEntries(EXTERNAL_SETTINGS.map((name) => [name, environment[prefix + name]])),
    BROKER: "external",
    KAFKA_BROKERS: brokers.join(),
    SCHEMA_REGISTRY_URL: schemaRegistryUrl,
  });
}

/** Free ports: both sides of a copy may be started here. */
function localConfig(directory: string, { environment }: OpenLogSideOptions): Config {
  return readConfig({
    ...Object.fromEntries(LOCAL_SETTINGS.map((name) => [name, environment[name]])),
    DATA_DIR: directory,
    KAFKA_PORT: "0",
    SCHEMA_REGISTRY_PORT: "0",
  });
}

async function assertReadable(
  kind: LocalKind,
  directory: string,
  pid: number,
  role: OpenLogSideOptions["role"],
): Promise<void> {
  if (role === "target") {
    throw new PermanentError(`a service runs on ${directory} (process ${pid})`, {
      hint: "Stop it first: nothing else may write to the target of a copy.",
    });
  }
  const home = await readLogHome(directory);
  if (home === kind) return;
  throw new PermanentError(
    `a service runs on ${directory} (process ${pid}), whose log is kept by ${
      home ?? "another broker"
    }, not by ${kind}`,
    { hint: "Stop it first, or name the broker that it uses." },
  );
}

/** Without this check an empty log would be created, and copied. */
async function assertThere(kind: LocalKind, directory: string): Promise<void> {
  const address = logAddressText({ kind, directory });
  const isThere = kind === "docker"
    ? await readLogHome(directory) === kind
    : await stat(join(directory, kind === "embedded" ? "broker" : "redpanda"))
      .then((found) => found.isDirectory(), () => false);
  if (isThere) return;
  throw new PermanentError(`${address}: there is none`, {
    hint: "Name the DATA_DIR of the service whose log it is.",
  });
}
