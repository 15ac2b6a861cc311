/**
 * What the set-up found or put on this machine: a client that can be run, or why there is none.
 *
 * Installations are kept in the user's cache folder, one folder for each thing and version, made beside and then renamed:
 * a folder that is there is whole.
 */
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** A client on this machine, or the reason why its checks are skipped. */
export type Installed<Where> =
  | ({ readonly label: string } & Where)
  | { readonly label: string; readonly missing: string };

const CACHE = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"),
  "gmn-data-store-ingestion",
);

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}

/**
 * The folder `name` of the cache; filled by `fill` when it is not there yet.
 * @throws what `fill` throws; nothing is left behind then
 */
export async function cached(
  name: string,
  fill: (directory: string) => Promise<void>,
): Promise<string> {
  const target = join(CACHE, name);
  if (await exists(target)) return target;
  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(join(CACHE, ".draft-"));
  try {
    await fill(draft);
    // Another run may have been faster; its folder is as good.
    await rename(draft, target).catch(async (error: unknown) => {
      if (!await exists(target)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return target;
}
