/**
 * The disk usage of folders, as `du` counts it: whole blocks, and a file with several names once. Deno links packages
 * from its cache into node_modules, so each file has two names.
 */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Unit of `blocks`, independent of the file system's block size (POSIX). */
const BLOCK_BYTES = 512;

/** Bytes on the disk of all these folders together; a missing folder counts as 0. */
export async function diskUsage(folders: readonly string[]): Promise<number> {
  const seen = new Set<string>();
  let blocks = 0;
  const add = async (path: string): Promise<void> => {
    const stat = await lstat(path);
    const inode = `${stat.dev}:${stat.ino}`;
    if (seen.has(inode)) return;
    seen.add(inode);
    blocks += stat.blocks;
    if (!stat.isDirectory()) return;
    for (const name of await readdir(path)) await add(join(path, name));
  };
  for (const folder of folders) {
    if (await lstat(folder).catch(() => null) !== null) await add(folder);
  }
  return blocks * BLOCK_BYTES;
}
