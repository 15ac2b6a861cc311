/** How much room a disk has. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { PermanentError } from "@gmn/failures";

/** Bytes that a disk has. */
export interface DiskSpace {
  /** Bytes that this process may still write. */
  readonly free_bytes: number;
  readonly size_bytes: number;
}

/** The disk that holds `path`, or will hold it. @throws Error when no folder above it can be read */
export async function diskSpaceOf(path: string): Promise<DiskSpace> {
  for (let at = path;; at = dirname(at)) {
    try {
      const { bavail, blocks, bsize } = await statfs(at);
      return { free_bytes: bavail * bsize, size_bytes: blocks * bsize };
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT" || at === dirname(at)) throw error;
    }
  }
}

/** Left free by a backup or a restore: other programs write to the disk meanwhile. */
const RESERVE_BYTES = 64 * 1024 * 1024;

/** Checks that `path` can take `bytes`. @throws PermanentError with both numbers when it can't */
export async function assertRoom(path: string, bytes: number): Promise<void> {
  const { free_bytes } = await diskSpaceOf(path);
  if (free_bytes >= bytes + RESERVE_BYTES) return;
  throw new PermanentError(
    `the disk of ${path} has ${asSize(free_bytes)} free, and ${
      asSize(bytes + RESERVE_BYTES)
    } are needed`,
    { hint: "free some space, or name a folder on another disk" },
  );
}

const MIB = 1024 * 1024;

/** A number of bytes in MiB or GiB: `12.3 GiB`. */
export function asSize(bytes: number): string {
  return bytes < 1024 * MIB
    ? `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0)} MiB`
    : `${(bytes / (1024 * MIB)).toFixed(1)} GiB`;
}
