/**
 * Where the log of a `DATA_DIR` lives, remembered between starts in `DATA_DIR/broker.json`.
 *
 * The log is the truth, and `BROKER=auto` looks at what the machine has. If this were not remembered, a Docker that is not running
 * today would mean an empty embedded log, beside a database that has read far past its end.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Brokers that keep their log on this machine. (An external one is named by the settings, every time.) */
export const LOCAL_KINDS = ["redpanda", "docker", "embedded"] as const;
export type LocalKind = (typeof LOCAL_KINDS)[number];

const fileOf = (dataDirectory: string): string => join(dataDirectory, "broker.json");

/** The kind of broker that this folder's log was made with, or null when it is new. */
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

/** Remembers it, whole or not at all. */
export async function writeLogHome(dataDirectory: string, kind: LocalKind): Promise<void> {
  const draft = `${fileOf(dataDirectory)}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify({ kind })}\n`);
  await rename(draft, fileOf(dataDirectory));
}
