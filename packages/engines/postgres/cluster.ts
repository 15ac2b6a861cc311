/**
 * The files of a PostgreSQL cluster: created once by `initdb`, completely or not at all.
 */
import { randomBytes } from "node:crypto";
import {
  appendFile,
  chmod,
  chown,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { explain, PermanentError } from "@gmn/failures";
import { program } from "./binaries.ts";
import type { Place } from "./place.ts";
import { runCommand } from "./run_command.ts";
import { SETTINGS_FILE, settingsFile } from "./settings.ts";

/** The cluster's superuser; its password is random and kept in the cluster. */
export const SUPERUSER = "gmn";
const PASSWORD_FILE = "gmn_password";
/** An unfinished cluster older than this belongs to a start that was killed. initdb takes a second or two. */
const UNFINISHED_MS_MAX = 600_000;

export interface ClusterOptions {
  readonly port: number;
  /** Server settings that override ours. */
  readonly settings: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * Creates the cluster unless it exists, and writes its settings.
 * @returns the superuser's password
 * @throws PermanentError when initdb fails, or another major version of PostgreSQL created the cluster
 */
export async function prepareCluster(
  place: Place,
  options: ClusterOptions,
): Promise<string> {
  await removeUnfinished(place);
  if (await stat(place.cluster).catch(() => null) === null) {
    await createCluster(place, options);
  }
  const made = (await readOwn(place, "PG_VERSION")).trim();
  const major = place.version.split(".")[0];
  if (made !== major) {
    throw new PermanentError(
      `${place.cluster} was made by PostgreSQL ${made}, and the one here is ${place.version}`,
      {
        hint: `move that directory away and start again: the store is loaded again from the log ` +
          `(deno task rebuild); or carry it over with pg_upgrade`,
      },
    );
  }
  const settings = join(place.cluster, SETTINGS_FILE);
  await writeFile(settings, settingsFile(options.port, options.settings), { mode: 0o600 });
  await chownToServerUser(place, settings);
  return (await readOwn(place, PASSWORD_FILE)).trim();
}

async function readOwn(place: Place, file: string): Promise<string> {
  const path = join(place.cluster, file);
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new PermanentError(`can't read ${path}: ${explain(error)}`, {
      cause: error,
      hint: "start as the user who made it, or set DATA_DIR to another directory",
    });
  }
}

/**
 * initdb works in a directory beside the cluster's, and one rename makes it the cluster. So a kill leaves no partial
 * cluster, and when two processes start together, one wins and the other uses the winner's.
 */
async function createCluster(
  place: Place,
  { settings, signal }: Pick<ClusterOptions, "settings" | "signal">,
): Promise<void> {
  const unfinished = await mkdtemp(`${place.cluster}.new-`);
  const passwordFile = `${unfinished}.password`;
  try {
    await chownToServerUser(place, unfinished);
    const password = randomBytes(24).toString("base64url");
    await writeDurably(place, passwordFile, `${password}\n`);
    const made = await runCommand(program(place.binaries, "initdb"), [
      `--pgdata=${unfinished}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      // The same collation on every machine, independent of its C library and its updates.
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--data-checksums",
      "--no-instructions",
      ...(settings.fsync === "off" ? ["--no-sync"] : []),
    ], { runAs: place.runAs, signal });
    signal?.throwIfAborted();
    if (made.code !== 0) {
      throw new PermanentError(
        `initdb failed in ${place.directory}: ${
          made.output || made.startError || `exit code ${made.code}`
        }`,
        { hint: "set DATA_DIR to another directory, or DATABASE_URL to a PostgreSQL of your own" },
      );
    }
    await writeDurably(place, join(unfinished, PASSWORD_FILE), `${password}\n`);
    await appendFile(
      join(unfinished, "postgresql.conf"),
      `\ninclude_if_exists = '${SETTINGS_FILE}'\n# Settings of your own go here.\n`,
    );
    await rename(unfinished, place.cluster);
  } catch (error) {
    if (await stat(place.cluster).catch(() => null) === null) throw error;
  } finally {
    await rm(passwordFile, { force: true });
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function removeUnfinished(place: Place): Promise<void> {
  const prefix = `${basename(place.cluster)}.new-`;
  for (const name of await readdir(dirname(place.cluster))) {
    if (!name.startsWith(prefix)) continue;
    const path = join(dirname(place.cluster), name);
    // Another start may have finished or removed it in the meantime.
    const mtimeMs = (await stat(path).catch(() => null))?.mtimeMs ?? Infinity;
    if (Date.now() - mtimeMs > UNFINISHED_MS_MAX) await rm(path, { recursive: true, force: true });
  }
}

/** Writes a file that only this user can read, and flushes it to disk before the rename that makes the cluster valid. */
async function writeDurably(place: Place, path: string, text: string): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(path, 0o600);
  await chownToServerUser(place, path);
}

async function chownToServerUser(place: Place, path: string): Promise<void> {
  if (place.runAs !== null) await chown(path, place.runAs.uid, place.runAs.gid);
}
