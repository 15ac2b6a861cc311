/**
 * The user that PostgreSQL runs as. It refuses to run as root, so a root process starts it as an unprivileged user.
 *
 * Such a user can't access everything that root can: a project under `/root` (mode 0700) is closed to it, including its
 * programs and its data directory. `closedTo` detects this before PostgreSQL fails.
 */
import { realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { PermanentError } from "@gmn/failures";
import { type RunAs, runCommand } from "./run_command.ts";

export interface SystemUser extends RunAs {
  readonly name: string;
}

/** Candidate users; the first that exists is used: the one that distributions create for PostgreSQL, then our own. */
const OWN_USER = "gmn-postgres";
const CANDIDATES = ["postgres", OWN_USER];

/** The user to run PostgreSQL as; null means this process's own user, unless that is root. */
export async function postgresUser(): Promise<SystemUser | null> {
  if (process.getuid?.() !== 0) return null;
  for (const name of CANDIDATES) {
    const user = await findUser(name);
    if (user !== null) return user;
  }
  return await createUser();
}

async function findUser(name: string): Promise<SystemUser | null> {
  const [uid, gid] = await Promise.all([
    runCommand("id", ["-u", name], { runAs: null }),
    runCommand("id", ["-g", name], { runAs: null }),
  ]);
  if (uid.code !== 0 || gid.code !== 0) return null;
  return { name, uid: Number(uid.output), gid: Number(gid.output) };
}

/** Most distributions have `useradd`; BusyBox (Alpine) has `adduser -S`. */
async function createUser(): Promise<SystemUser> {
  const said: string[] = [];
  const ways = [
    ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", OWN_USER],
    ["adduser", "-S", "-D", "-H", "-s", "/bin/false", OWN_USER],
  ];
  for (const [command = "", ...args] of ways) {
    const result = await runCommand(command, args, { runAs: null });
    const user = result.code === 0 ? await findUser(OWN_USER) : null;
    if (user !== null) return user;
    said.push(`${command}: ${result.output || result.startError || `exit code ${result.code}`}`);
  }
  throw new PermanentError(
    `PostgreSQL does not run as root, and no user for it could be made (${said.join("; ")})`,
    {
      hint:
        `start as an ordinary user, or add a user named postgres, or set DATABASE_URL to a PostgreSQL of your own`,
    },
  );
}

/**
 * The outermost directory on the path to `path` (itself included) that `user` may not enter, or null. `path` need not exist
 * yet. Checks the modes for owner, group and others; PostgreSQL gets no supplementary groups.
 */
export async function closedTo(user: SystemUser, path: string): Promise<string | null> {
  let at = path;
  let real: string | null;
  while ((real = await realpath(at).catch(() => null)) === null) at = dirname(at);
  let closed: string | null = null;
  for (at = real;; at = dirname(at)) {
    const found = await stat(at);
    if (found.isDirectory() && !mayEnter(user, found)) closed = at;
    if (at === dirname(at)) return closed;
  }
}

function mayEnter(user: SystemUser, file: { mode: number; uid: number; gid: number }): boolean {
  const shift = file.uid === user.uid ? 6 : file.gid === user.gid ? 3 : 0;
  return ((file.mode >> shift) & 0o1) !== 0;
}
