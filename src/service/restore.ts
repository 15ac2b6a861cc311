/**
 * `deno task restore`: a backup becomes the log of a data directory that has none.
 *
 *     refused, or ─▶ broker.restoring/ ─▶ copied and hashed ─▶ checked ─▶ broker.json ─▶ renamed to broker: the log is there
 *                        └ fails, interrupted ─▶ removed; killed ─▶ left, and removed by the next restore
 *
 * The next start loads the data store from the log, as it does after any change of the database.
 */
import { mkdir, open, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { explain, PermanentError } from "@gmn/failures";
import { inspectCopy, LOG_FILE, logFolder } from "../broker/log_backup.ts";
import { readLogHome, writeLogHome } from "../broker/log_home.ts";
import type { Config } from "../config.ts";
import { readAddresses } from "./address_file.ts";
import { type Manifest, readManifest, sha256Of, sync } from "./backup_manifest.ts";
import { assertRoom } from "./disk_space.ts";
import { pendingFile } from "./restored_state.ts";

export interface RestoreRequest {
  readonly config: Config;
  /** Absolute path of the backup's folder. */
  readonly from: string;
  readonly signal: AbortSignal;
  /** `done` and `total` are bytes. */
  readonly onProgress: (step: "copy" | "check", done: number, total: number) => void;
}

/**
 * Puts the log of a backup in place and returns the backup's manifest.
 * @throws PermanentError with a hint: the folder is no backup, it is damaged, the data directory has a log or a service, …
 */
export async function restoreBackup(request: RestoreRequest): Promise<Manifest> {
  const { config: { dataDirectory }, from, signal, onProgress } = request;
  await assertNoLog(request.config);
  const manifest = await readManifest(from);
  const { size_bytes, sha256 } = manifest.log;
  const target = logFolder(dataDirectory);
  const draft = `${target}.restoring`;
  await rm(draft, { recursive: true, force: true });
  await assertRoom(dataDirectory, size_bytes);
  try {
    await mkdir(draft, { recursive: true });
    const file = join(draft, LOG_FILE);
    const found = await copyHashed(join(from, LOG_FILE), file, request, size_bytes);
    if (found !== sha256) {
      throw damaged(from, `its SHA-256 is ${found}, not ${sha256} as its manifest says`);
    }
    onProgress("check", 0, size_bytes);
    const content = await inspectCopy(file, signal);
    if (JSON.stringify(content.partitions) !== JSON.stringify(manifest.log.partitions)) {
      throw damaged(from, "its log ends at other offsets than its manifest says");
    }
    if (manifest.kept !== null) {
      await writeFile(pendingFile(draft), JSON.stringify(manifest.kept));
      await sync(pendingFile(draft));
    }
    await sync(draft);
    signal.throwIfAborted();
    // Before the rename: with the log in place but without this file, BROKER=auto might choose another broker.
    await writeLogHome(dataDirectory, "embedded");
    await rename(draft, target).catch((error) => {
      throw new PermanentError(`${target} was made meanwhile: ${explain(error)}`, {
        cause: error,
        hint: "is a service starting on this DATA_DIR? Stop it, and name a new folder",
      });
    });
    await sync(dataDirectory);
    return manifest;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

function damaged(from: string, reason: string): PermanentError {
  return new PermanentError(`the backup in ${from} is damaged: ${reason}`, {
    hint: "take another backup, or copy this one again from where it was kept",
  });
}

/** Copies a file durably and returns the SHA-256 of what was read. */
async function copyHashed(
  from: string,
  to: string,
  { signal, onProgress }: RestoreRequest,
  total: number,
): Promise<string> {
  const target = await open(to, "wx");
  try {
    let done = 0;
    const hash = await sha256Of(from, signal, async (chunk) => {
      await target.writeFile(chunk);
      onProgress("copy", done += chunk.length, total);
    });
    await target.sync();
    return hash;
  } finally {
    await target.close();
  }
}

/** @throws PermanentError when the data directory has a log, or a service that may make one */
async function assertNoLog({ broker, kafkaBrokers, dataDirectory }: Config): Promise<void> {
  if (broker === "external" || kafkaBrokers !== null) {
    throw new PermanentError("the settings name an external Kafka (KAFKA_BROKERS)", {
      hint: "a backup is restored into the embedded broker: unset KAFKA_BROKERS and BROKER",
    });
  }
  const addresses = await readAddresses(dataDirectory);
  if (addresses !== null) {
    throw new PermanentError(`a service runs on ${dataDirectory} (process ${addresses.pid})`, {
      hint: "set DATA_DIR to a new folder, or stop the service and move its log away",
    });
  }
  const home = await readLogHome(dataDirectory);
  const hasFile = await stat(join(logFolder(dataDirectory), LOG_FILE)).then(
    () => true,
    () => false,
  );
  if (!hasFile && (home === null || home === "embedded")) return;
  throw new PermanentError(`${dataDirectory} has a log already (${home ?? "embedded"})`, {
    hint: "set DATA_DIR to a new folder, or move broker and broker.json out of this one",
  });
}
