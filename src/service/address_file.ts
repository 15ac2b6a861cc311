/**
 * The addresses of the running service, written to `DATA_DIR/service.json` for commands that are started later.
 *
 * The service holds a lock on the file for as long as it lives (`flock`), and the kernel releases the lock when the process ends,
 * however it ends. So a command can distinguish a running service from a file left by a killed one, with only the permission to
 * read the file: it need not inspect processes, and a process of another container or user with the same pid does not mislead it.
 *
 * The database's URL contains a password, so only their owner can read the two files: `service.json`, for programs, and
 * `database.url`, with only the URL, for `psql "$(cat data/database.url)"`.
 */
import { chmod, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { PermanentError } from "@gmn/failures";

/** Addresses of a running service. */
export interface ServiceAddresses {
  readonly pid: number;
  /** null when this process has no HTTP role. */
  readonly http: string | null;
  /** Where METRICS_PORT is served; null without that setting. */
  readonly metrics: string | null;
  readonly brokers: readonly string[];
  readonly schemaRegistryUrl: string;
  readonly databaseUrl: string;
}

const FILE = "service.json";
const DATABASE_URL_FILE = "database.url";

/** Path of the file with the full URL of the database while a service runs on this data directory. */
export function databaseUrlFile(dataDirectory: string): string {
  return join(dataDirectory, DATABASE_URL_FILE);
}

/** Writes the files, each atomically. The returned function removes them; after that the service counts as stopped. */
export async function writeAddresses(
  dataDirectory: string,
  addresses: ServiceAddresses,
): Promise<() => Promise<void>> {
  const draft = (file: string) => join(dataDirectory, `${file}.${addresses.pid}`);
  await writePrivate(draft(DATABASE_URL_FILE), `${addresses.databaseUrl}\n`);
  await rename(draft(DATABASE_URL_FILE), databaseUrlFile(dataDirectory));
  const path = join(dataDirectory, FILE);
  await writePrivate(draft(FILE), `${JSON.stringify(addresses, null, 2)}\n`);
  // node:fs has no locks. The lock belongs to the file, not to its name, so it is taken before the file gets its name.
  const held = await Deno.open(draft(FILE), { read: true, write: true });
  await held.lock(true);
  await rename(draft(FILE), path);
  return async () => {
    // Another process on the same folder may have replaced our file with its own.
    if (await pidIn(path) === addresses.pid) {
      await rm(path, { force: true });
      await rm(databaseUrlFile(dataDirectory), { force: true });
    }
    held.close();
  };
}

async function writePrivate(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  // A file that existed before keeps its mode.
  await chmod(path, 0o600);
}

/**
 * Returns the addresses of the service that runs on this data directory now, or null.
 * @throws PermanentError when the files belong to another user: a service may run there
 */
export async function readAddresses(dataDirectory: string): Promise<ServiceAddresses | null> {
  const path = join(dataDirectory, FILE);
  try {
    const addresses = await parseFile(path);
    return await isHeld(path, addresses) ? addresses : null;
  } catch (error) {
    if ((error as { code?: string }).code !== "EACCES") return null;
    throw new PermanentError(`${path} belongs to another user`, {
      cause: error,
      hint: "run this as the user who runs the service, or name the service with --server URL",
    });
  }
}

async function parseFile(path: string): Promise<ServiceAddresses> {
  return JSON.parse(await readFile(path, "utf8"));
}

const pidIn = (path: string): Promise<number | null> =>
  parseFile(path).then(({ pid }) => pid, () => null);

async function isHeld(path: string, { pid }: ServiceAddresses): Promise<boolean> {
  // On Windows a lock keeps others from reading, so the service's own file could not be read.
  if (process.platform === "win32") return isAlive(pid);
  const file = await Deno.open(path, { read: true });
  try {
    return !await file.tryLock(false);
  } finally {
    file.close();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // We may not signal it, or Deno may not check: assume that it is alive; a request to it will show.
    return (error as { code?: string }).code !== "ESRCH";
  }
}
