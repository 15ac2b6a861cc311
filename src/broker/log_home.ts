/**
 * Remembers in `DATA_DIR/broker.json`, between starts, which kind of broker keeps the log of a `DATA_DIR`.
 *
 * The log is the source of truth, and `BROKER=auto` chooses by what the machine has. Without this file, a start while Docker is
 * not running would create an empty embedded log, beside a database that has read far past its end.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Brokers that keep their log on this machine. (The settings always name an external one.) */
export const LOCAL_KINDS = ["redpanda", "docker", "embedded"] as const;
export type LocalKind = (typeof LOCAL_KINDS)[number];

const fileOf = (dataDirectory: string): string => join(dataDirectory, "broker.json");

/** The kind of broker that created this folder's log, or null when there is none yet. */
export async function readLogHome(dataDirectory: string): Promise<LocalKind | null> {
  try {
    const { kind } = JSON.parse(await readFile(fileOf(dataDirectory), "utf8")) as {
      kind?: unknown;
    };
    return LOCAL_KINDS.find((one) => one === kind) ?? null;
  } catch {
    return null;
  }
}

/** Stores the kind atomically. */
export async function writeLogHome(dataDirectory: string, kind: LocalKind): Promise<void> {
  const draft = `${fileOf(dataDirectory)}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify({ kind })}\n`);
  await rename(draft, fileOf(dataDirectory));
}
