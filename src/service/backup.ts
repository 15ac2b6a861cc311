/**
 * `deno task backup`: a copy of the embedded log, made while the service runs, or without one.
 *
 *     refused, or ─▶ TO.part/ ─▶ the log copied ─▶ checked ─▶ hashed ─▶ manifest ─▶ renamed to TO: a backup
 *                        └ fails, interrupted ─▶ removed; killed ─▶ left, and removed by the next backup to the same place
 *
 * The command copies the log itself: the broker lets other processes read it (packages/embedded-broker/storage/backup.ts). So the
 * service needs no room for a second copy, gets no path from a request, and does not notice a command that is killed.
 */
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { explain, PermanentError, withTimeout } from "@gmn/failures";
import { copyLog, inspectCopy, LOG_FILE, logBytes } from "../broker/log_backup.ts";
import { readLogHome } from "../broker/log_home.ts";
import type { Config } from "../config.ts";
import { createKafka } from "../events/kafka_client.ts";
import { readLogIdentity } from "../events/log_identity.ts";
import { createSchemaRegistry } from "../events/schema_registry.ts";
import type { Observe } from "../observe/observe.ts";
import { connectStore } from "../store/connection.ts";
import { readKeptState } from "../store/kept_state.ts";
import type { ServiceAddresses } from "./address_file.ts";
import { type Kept, type Manifest, sha256Of, sync, writeManifest } from "./backup_manifest.ts";
import { assertRoom } from "./disk_space.ts";
import { startEmbeddedPostgres } from "./embedded_postgres.ts";
import { VERSION } from "./parts.ts";
import { readPending } from "./restored_state.ts";

export interface BackupRequest {
  readonly config: Config;
  /** The running service; null when none runs on the data directory. */
  readonly addresses: ServiceAddresses | null;
  /** Absolute path of the backup's folder, which must not exist yet, or be empty. */
  readonly to: string;
  readonly observe: Observe;
  readonly signal: AbortSignal;
  /** `done` and `total` are bytes. */
  readonly onProgress: (step: "copy" | "check" | "hash", done: number, total: number) => void;
  /** Called when the data store can't be read: the backup has no kept tables then. */
  readonly onStoreUnavailable: (reason: string) => void;
}

/** A database that takes longer counts as unavailable; the log is what matters. */
const STORE_MS = 10_000;

/**
 * Makes a backup and returns its manifest.
 * @throws PermanentError with a hint: another broker keeps the log, the target exists, the disk is too full, the log is damaged
 */
export async function makeBackup(request: BackupRequest): Promise<Manifest> {
  const { config: { dataDirectory }, to, signal, onProgress } = request;
  await assertEmbeddedLog(request.config);
  await assertFreeName(to);
  const size = await logBytes(dataDirectory);
  if (size === null) throw noLog(dataDirectory);
  const draft = `${to}.part`;
  await rm(draft, { recursive: true, force: true });
  await assertRoom(dirname(to), size);
  try {
    await mkdir(draft, { recursive: true });
    const began_at = new Date().toISOString();
    const file = join(draft, LOG_FILE);
    await copyLog(dataDirectory, {
      file,
      signal,
      onProgress: ({ done, total }) => onProgress("copy", size * done / total, size),
    });
    const kept = await readKept(request);
    const { size: size_bytes } = await stat(file);
    onProgress("check", 0, size_bytes);
    const { clusterId: cluster_id, partitions } = await inspectCopy(file, signal);
    let hashed = 0;
    const sha256 = await sha256Of(
      file,
      signal,
      (chunk) => onProgress("hash", hashed += chunk.length, size_bytes),
    );
    const log_id = await logIdOf(request);
    const log = { size_bytes, sha256, cluster_id, log_id, partitions: [...partitions] };
    const ended_at = new Date().toISOString();
    const content = { version: VERSION, began_at, ended_at, kept };
    const manifest = await writeManifest(draft, { ...content, log: { file: LOG_FILE, ...log } });
    signal.throwIfAborted();
    await rename(draft, to);
    await sync(dirname(to));
    return manifest;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

const DOCS = "docs/operations.md#back-up names the tools";

/** @throws PermanentError when the log is not the embedded broker's */
async function assertEmbeddedLog(
  { broker, kafkaBrokers, dataDirectory }: Config,
): Promise<void> {
  const refuse = (what: string, tool: string) =>
    new PermanentError(`${what}, and this backs up the embedded one only`, {
      hint: `${tool}; ${DOCS}`,
    });
  if (broker === "external" || kafkaBrokers !== null) {
    throw refuse(
      "the log is in an external Kafka (KAFKA_BROKERS)",
      "use its replication, tiered storage or mirroring (MirrorMaker 2, rpk)",
    );
  }
  const home = await readLogHome(dataDirectory);
  if (home === null) throw noLog(dataDirectory);
  if (home !== "embedded") {
    throw refuse(
      `Redpanda (${home}) keeps the log of ${dataDirectory}`,
      "stop the service and copy Redpanda's folder or volume, or mirror its topics",
    );
  }
}

function noLog(dataDirectory: string): PermanentError {
  return new PermanentError(`there is no log in ${dataDirectory}`, {
    hint: "set DATA_DIR to the folder of the service",
  });
}

async function assertFreeName(to: string): Promise<void> {
  const there = await readdir(to).catch((error: { code?: string }) => {
    if (error.code === "ENOENT") return [];
    throw new PermanentError(`${to} can't be a folder for a backup: ${explain(error)}`);
  });
  if (there.length === 0) return;
  throw new PermanentError(`${to} is not empty`, {
    hint: "a backup never overwrites anything: name a folder that does not exist",
  });
}

/** The tables that no topic has, from the data store, or from a backup that was restored and not started yet. */
async function readKept(request: BackupRequest): Promise<Kept | null> {
  const { config, onStoreUnavailable } = request;
  const pending = await readPending(config.dataDirectory);
  if (pending !== null) return pending;
  try {
    return await withStore(request, readKeptState) as Kept;
  } catch (error) {
    request.signal.throwIfAborted();
    onStoreUnavailable(explain(error));
    return null;
  }
}

/** The identity of the log, from the running service's broker; null without a service. */
async function logIdOf({ addresses, observe }: BackupRequest): Promise<string | null> {
  if (addresses === null) return null;
  const { brokers, schemaRegistryUrl: url } = addresses;
  const clientId = "gmn-backup";
  const registry = createSchemaRegistry({ url, clientId }, observe);
  const reading = readLogIdentity(createKafka({ brokers, clientId }, observe), registry);
  const late = () => new Error("the broker did not answer");
  // The log's file has it all the same: it is in the manifest for people to read.
  return await withTimeout(reading, STORE_MS, late).then(
    (found) => found?.logId ?? null,
    () => null,
  );
}

/** Runs `work` on the data store, whose PostgreSQL is started for it if no service runs. */
async function withStore<Result>(
  { config, addresses, observe, signal }: BackupRequest,
  work: (sql: ReturnType<typeof connectStore>["sql"]) => Promise<Result>,
): Promise<Result> {
  const known = addresses?.databaseUrl ?? config.databaseUrl;
  const server = known === null
    ? await startEmbeddedPostgres({
      directory: join(config.dataDirectory, "postgres"),
      port: config.postgresPort,
      observe,
      signal,
      hurry: undefined,
    })
    : null;
  const store = connectStore({
    url: known ?? server!.url,
    max: 1,
    applicationName: "gmn backup",
    observe,
  });
  try {
    return await withTimeout(
      work(store.sql),
      STORE_MS,
      () => new Error(`no answer within ${STORE_MS / 1000} s`),
    );
  } finally {
    await store.close();
    await server?.stop();
  }
}
