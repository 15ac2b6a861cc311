/** A disk of a few megabytes for tests of full disks: a tmpfs, which only root may mount. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "vitest";

/** Runs `work` with the folder of an empty disk of `size_MiB`; skips the test where none can be mounted. */
export async function withSmallDisk(
  context: TestContext,
  size_MiB: number,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gmn-disk-"));
  try {
    const { status, stderr } = spawnSync(
      "mount",
      ["-t", "tmpfs", "-o", `size=${size_MiB}m,mode=0755`, "tmpfs", folder],
      { encoding: "utf8" },
    );
    if (status !== 0) {
      context.skip(`a tmpfs can't be mounted here: ${stderr?.trim() ?? "no mount"}`);
    }
    try {
      await work(folder);
    } finally {
      spawnSync("umount", [folder]);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}
