/**
 * A fresh clone of this project in its own folder, as a user's first command makes it.
 */
import { spawnSync } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname!, "../..");

/** A clone; disposing of it removes it. */
export interface FreshClone extends AsyncDisposable {
  /** A folder that contains only the clone; every user may enter it. */
  readonly base: string;
  readonly directory: string;
}

/**
 * Clones what is committed, and copies uncommitted changes over it, so that a local test run
 * tests the working tree.
 */
export async function freshClone(): Promise<FreshClone> {
  const base = await mkdtemp(join(tmpdir(), "gmn-clone-"));
  // The embedded PostgreSQL of a root process runs as another user, who must get here.
  await chmod(base, 0o755);
  const directory = join(base, "gmn-data-store-ingestion");
  git(["clone", "--quiet", `file://${ROOT}`, directory]);
  const list = (...args: string[]) =>
    git(["-C", ROOT, "ls-files", "-z", ...args]).split("\0").filter((name) => name !== "");
  for (const name of list("--deleted")) await rm(join(directory, name), { force: true });
  const deleted = new Set(list("--deleted"));
  for (const name of list("--modified", "--others", "--exclude-standard")) {
    if (deleted.has(name)) continue;
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await copyFile(join(ROOT, name), join(directory, name));
  }
  return {
    base,
    directory,
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  };
}

function git(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("git", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return stdout;
}
