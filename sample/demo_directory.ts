/**
 * The data directory of the demo: the last two weeks, and the Perseids of 2024, so that the README's commands about August 2024
 * find something.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { generateDataDirectory } from "./generate.ts";

/** Enough for every plot, and few enough to load in seconds. */
const LATEST = { seed: 20221230, days: 14, meteorsPerDay: 350 };
/** The windows of 9 to 14 August 2024. */
const PERSEIDS = {
  seed: 20240812,
  lastDay: new Date("2024-08-15T12:00:00Z"),
  days: 6,
  meteorsPerDay: 100,
};
/** The last file of the Perseids that is written; it never changes again. */
const PERSEIDS_FILE = "monthly/traj_summary_monthly_202408.txt";

/**
 * Makes the directory as of `now`. When it is made again later, it has new windows, and its old files are unchanged.
 */
export async function generateDemoDirectory(directory: string, now: Date): Promise<void> {
  // This comes first: later steps rewrite the aliases of the latest daily files and the yearly files.
  if (await stat(join(directory, PERSEIDS_FILE)).catch(() => null) === null) {
    await generateDataDirectory({ directory, ...PERSEIDS });
  }
  await generateDataDirectory({ directory, lastDay: now, ...LATEST });
}
