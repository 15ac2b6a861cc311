/**
 * Where the cluster and the programs are on disk.
 *
 * Normally the cluster is in the requested directory and the programs are in node_modules. A root process runs
 * PostgreSQL as another user (see `system_user.ts`); files that this user can't reach go to `/var/lib/gmn-data-store`, and a
 * file in the requested directory names the new location.
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

/** Everything `pg_ctl` needs to know. */
export interface Place {
  /** The directory that contains the cluster, the log and nothing else. */
  readonly directory: string;
  /** PGDATA. */
  readonly cluster: string;
  readonly logFile: string;
  readonly binaries: PostgresBinaries;
  /** Version of the programs, such as `18.4`. */
  readonly version: string;
  /** Null means this process's own user. */
  readonly runAs: SystemUser | null;
}

/** Reachable by every user on every Unix; the Filesystem Hierarchy Standard's place for a service's state. */
const REACHABLE_DIRECTORY = "/var/lib/gmn-data-store";
/** A file in the requested directory that holds the cluster's path when it is elsewhere. */
const LOCATION_FILE = "LOCATION";

const exists = async (path: string): Promise<boolean> =>
  await stat(path).catch(() => null) !== null;

/**
 * Finds or creates the place for a cluster that is requested in `wanted` (an absolute path).
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

/** PostgreSQL must run as the owner of its files: if an ordinary user created the cluster, as that user. */
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
  // The user becomes the owner of the directory itself, so only the directories above it can be inaccessible.
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
  // A cluster without a LOCATION file: the requested directory was deleted to start over. Nothing is ever deleted here.
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

/** A unique name in which a person can recognise the original directory. */
function nameFor(directory: string): string {
  const readable = directory.replaceAll(/[^A-Za-z0-9]+/g, "-").replaceAll(/^-|-$/g, "").slice(-40);
  return `${readable}-${createHash("sha256").update(directory).digest("hex").slice(0, 8)}`;
}
