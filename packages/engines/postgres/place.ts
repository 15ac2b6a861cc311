/**
 * Where the cluster and the programs lie on the disk.
 *
 * Normally the cluster lies in the directory that was asked for and the programs in node_modules. A root process runs
 * PostgreSQL as another user (see `system_user.ts`); what that user can't reach goes to `/var/lib/gmn-data-store`, and the
 * directory asked for gets a file that says where.
 */
import { createHash } from "node:crypto";
import { chmod, chown, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { explain, PermanentError } from "@gmn/failures";
import {
  binariesVersion,
  copyBinaries,
  installedBinaries,
  type PostgresBinaries,
} from "./binaries.ts";
import type { OnPostgresEvent } from "./events.ts";
import { closedTo, postgresUser, type SystemUser } from "./system_user.ts";

/** Everything `pg_ctl` has to know. */
export interface Place {
  /** The directory that really holds the cluster, the log and nothing else. */
  readonly directory: string;
  /** PGDATA. */
  readonly cluster: string;
  readonly logFile: string;
  readonly binaries: PostgresBinaries;
  /** Version of the programs, for instance `18.4`. */
  readonly version: string;
  /** Null: as this process's own user. */
  readonly runAs: SystemUser | null;
}

/** Reachable for every user on every Unix; the file system hierarchy's place for a service's state. */
const REACHABLE_DIRECTORY = "/var/lib/gmn-data-store";
/** In the directory asked for, when the cluster lies elsewhere: its path. */
const LOCATION_FILE = "LOCATION";

const exists = async (path: string): Promise<boolean> =>
  await stat(path).catch(() => null) !== null;

/**
 * Finds or makes the place for a cluster that is wanted in `wanted` (an absolute path).
 * @throws PermanentError when there are no programs, no user or no permission
 */
export async function findPlace(wanted: string, onEvent: OnPostgresEvent): Promise<Place> {
  try {
    await mkdir(wanted, { recursive: true });
    const user = await postgresUser();
    let binaries = await installedBinaries();
    const directory = user === null ? wanted : await reachableDirectory(wanted, user, onEvent);
    const cluster = join(directory, "cluster");
    const runAs = user === null ? null : await ownerOf(cluster, user);
    if (runAs !== null) {
      const closed = await closedTo(runAs, binaries.root);
      if (closed !== null) {
        await mkdir(REACHABLE_DIRECTORY, { recursive: true, mode: 0o755 });
        binaries = await copyBinaries(binaries, REACHABLE_DIRECTORY);
        onEvent({
          kind: "moved",
          what: "programs",
          directory: binaries.root,
          reason: `user ${runAs.name} may not enter ${closed}`,
        });
      }
      await chown(directory, runAs.uid, runAs.gid);
      await chmod(directory, 0o700);
    }
    const version = await binariesVersion(binaries, runAs);
    return {
      directory,
      cluster,
      logFile: join(directory, "postgresql.log"),
      binaries,
      version,
      runAs,
    };
  } catch (error) {
    if (error instanceof PermanentError) throw error;
    throw new PermanentError(`can't prepare ${wanted} for PostgreSQL: ${explain(error)}`, {
      cause: error,
      hint: "set DATA_DIR to a directory this user may write, " +
        "or DATABASE_URL to a PostgreSQL of your own",
    });
  }
}

/** PostgreSQL insists on running as the owner of its files: for a cluster an ordinary user made, that user. */
async function ownerOf(cluster: string, user: SystemUser): Promise<SystemUser> {
  const found = await stat(cluster).catch(() => null);
  if (found === null || found.uid === 0 || found.uid === user.uid) return user;
  return { name: `number ${found.uid}`, uid: found.uid, gid: found.gid };
}

async function reachableDirectory(
  wanted: string,
  user: SystemUser,
  onEvent: OnPostgresEvent,
): Promise<string> {
  const location = join(wanted, LOCATION_FILE);
  const moved = (await readFile(location, "utf8").catch(() => "")).trim();
  // The directory itself is given to the user, so only what lies above it can be closed.
  const owner = await ownerOf(join(wanted, "cluster"), user);
  const closed = await closedTo(owner, dirname(wanted));
  if (closed === null && moved === "") return wanted;
  if (moved === "" && await exists(join(wanted, "cluster"))) {
    throw new PermanentError(
      `the PostgreSQL cluster in ${wanted} belongs to user ${owner.name}, who may not enter ${closed}`,
      { hint: "start as that user, or set DATA_DIR to another directory" },
    );
  }
  const directory = moved === "" ? join(REACHABLE_DIRECTORY, nameFor(wanted)) : moved;
  // No LOCATION but a cluster there: the directory asked for was deleted to begin anew. Nothing is ever deleted here.
  if (moved === "" && await exists(directory)) {
    await rename(directory, `${directory}.old-${Date.now()}`);
  }
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await chmod(REACHABLE_DIRECTORY, 0o755);
  if (moved === "") await writeFile(location, `${directory}\n`);
  onEvent({
    kind: "moved",
    what: "data",
    directory,
    reason: closed === null ? `${location} says so` : `user ${owner.name} may not enter ${closed}`,
  });
  return directory;
}

/** A name that tells a person which directory it stands for, and that no other directory has. */
function nameFor(directory: string): string {
  const readable = directory.replaceAll(/[^A-Za-z0-9]+/g, "-").replaceAll(/^-|-$/g, "").slice(-40);
  return `${readable}-${createHash("sha256").update(directory).digest("hex").slice(0, 8)}`;
}
