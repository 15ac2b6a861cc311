/**
 * What a backup is on disk: a folder with the log's file, and `manifest.json`, which says what the file holds and how to recognise
 * it. A folder without a manifest is no backup.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { explain, PermanentError } from "@gmn/failures";
import { LOG_FILE } from "../broker/log_backup.ts";

/** Raised when an older version could not restore what a newer one writes. */
const FORMAT = 1;
const MANIFEST = "manifest.json";
/** Bytes read at once: large enough for the disk, small enough to be interrupted soon. */
const CHUNK_BYTES = 1024 * 1024;

const rows = z.array(z.record(z.string(), z.unknown()));
const manifestSchema = z.object({
  format: z.literal(FORMAT),
  /** Version of the service that wrote it. */
  version: z.string(),
  /** Everything that was acknowledged before this time is in the backup. */
  began_at: z.iso.datetime(),
  ended_at: z.iso.datetime(),
  log: z.object({
    file: z.literal(LOG_FILE),
    size_bytes: z.int(),
    sha256: z.hex(),
    cluster_id: z.string(),
    /** The identity of the log; null in a backup that was made without a service. It is in the log itself, too. */
    log_id: z.string().nullable(),
    partitions: z.array(
      z.object({ topic: z.string(), partition: z.int(), start: z.int(), end: z.int() }),
    ),
  }),
  /** The tables that no topic has; null when the data store could not be read. */
  kept: z.object({ schedule_pause: rows, shower_list_fetch: rows }).nullable(),
});

/** The content of a backup. `end` is the offset after the last record of a partition. */
export type Manifest = z.infer<typeof manifestSchema>;
export type Kept = NonNullable<Manifest["kept"]>;
export const keptSchema = manifestSchema.shape.kept.unwrap();

export type ManifestContent = Omit<Manifest, "format">;

/** Writes the manifest into the folder of a backup, durably, and returns it. */
export async function writeManifest(folder: string, content: ManifestContent): Promise<Manifest> {
  const manifest: Manifest = { format: FORMAT, ...content };
  await writeFile(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  await sync(join(folder, MANIFEST));
  await sync(folder);
  return manifest;
}

/**
 * Reads the manifest of the backup in `folder`.
 * @throws PermanentError when the folder is no backup, its manifest is damaged or of a newer version, or the log's file has another
 *   size
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, MANIFEST);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new PermanentError(`${folder} is no backup: ${explain(error)}`, {
      cause: error,
      hint: `name a folder that deno task backup wrote: it has ${MANIFEST} and ${LOG_FILE}`,
    });
  }
  const manifest = parse(text, file);
  const size = await stat(join(folder, LOG_FILE)).then(({ size }) => size, () => 0);
  if (size === manifest.log.size_bytes) return manifest;
  throw new PermanentError(
    `${
      join(folder, LOG_FILE)
    } has ${size} bytes, not ${manifest.log.size_bytes} as ${MANIFEST} says`,
    { hint: "the backup is incomplete or damaged: take another one, or copy it again" },
  );
}

function parse(text: string, file: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new PermanentError(`${file} can't be read: ${explain(error)}`, {
      cause: error,
      hint:
        `this version reads format ${FORMAT}; restore a newer backup with the version that wrote it`,
    });
  }
}

/**
 * The SHA-256 of a file, in hex. `onChunk` gets each part of the file, and is awaited.
 * @throws the signal's reason when it aborts
 */
export async function sha256Of(
  file: string,
  signal: AbortSignal,
  onChunk: (chunk: Uint8Array) => Promise<void> | void = () => {},
): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES })) {
    signal.throwIfAborted();
    hash.update(chunk);
    await onChunk(chunk);
  }
  return hash.digest("hex");
}

/** Waits until a file, or the names in a folder, are on the disk. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
