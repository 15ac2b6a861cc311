/** A disk that can be full at once: a tmpfs, which root may make as small as what is on it. */
import { spawnSync } from "node:child_process";
import { statfs } from "node:fs/promises";

const SIZE_MiB = 4096;
/** What a full disk has left: less than one segment of PostgreSQL's WAL. */
const LEFT_MiB = 1;

export class ShrinkingDisk {
  private constructor(private readonly folder: string) {}

  /** Mounts it; null where that is not allowed. */
  static mount(folder: string): ShrinkingDisk | null {
    const { status } = spawnSync("mount", [
      ...["-t", "tmpfs", "-o", `size=${SIZE_MiB}m,mode=0755`, "tmpfs", folder],
    ]);
    return status === 0 ? new ShrinkingDisk(folder) : null;
  }

  async fill(): Promise<void> {
    const { blocks, bfree, bsize } = await statfs(this.folder);
    const used_MiB = Math.ceil((blocks - bfree) * bsize / 2 ** 20);
    this.#resize(used_MiB + LEFT_MiB);
  }

  free(): void {
    this.#resize(SIZE_MiB);
  }

  unmount(): void {
    spawnSync("umount", ["-l", this.folder]);
  }

  #resize(size_MiB: number): void {
    spawnSync("mount", ["-o", `remount,size=${size_MiB}m`, this.folder]);
  }
}
