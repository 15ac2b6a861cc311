/**
 * Where the running service listens, left in `DATA_DIR/service.json` for commands that start later beside it.
 *
 * The database URL in it has a password, so only its owner may read it. A file left by a killed process is told by its
 * process, which is gone.
 */
import { chmod, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";

/** Addresses of a running service. */
export interface ServiceAddresses {
  readonly pid: number;
  /** null when this process has no HTTP role. */
  readonly http: string | null;
  readonly brokers: readonly string[];
  readonly schemaRegistryUrl: string;
  readonly databaseUrl: string;
}

const FILE = "service.json";

/** Writes the file, whole or not at all. */
export async function writeAddresses(
  dataDirectory: string,
  addresses: ServiceAddresses,
): Promise<void> {
  const path = join(dataDirectory, FILE);
  const draft = `${path}.${addresses.pid}`;
  await writeFile(draft, `${JSON.stringify(addresses, null, 2)}\n`, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, path);
}

/** Removes the file. */
export async function removeAddresses(dataDirectory: string): Promise<void> {
  await rm(join(dataDirectory, FILE), { force: true });
}

/** The addresses of the service that runs on this data directory now, or null. */
export async function readAddresses(dataDirectory: string): Promise<ServiceAddresses | null> {
  let addresses: ServiceAddresses;
  try {
    addresses = JSON.parse(await readFile(join(dataDirectory, FILE), "utf8"));
  } catch {
    return null;
  }
  return isAlive(addresses.pid) ? addresses : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal means that it is there.
    return (error as { code?: string }).code === "EPERM";
  }
}
