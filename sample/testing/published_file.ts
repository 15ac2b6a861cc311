/**
 * A real published summary file, if there is one next to the repository (`../shared/data`), for tests that compare the
 * sample with it. It is not part of the project; without it those tests are skipped.
 */
import { existsSync, readFileSync } from "node:fs";

const PUBLISHED_FILE = new URL(
  "../../../shared/data/traj_summary_20220304_solrange_344.0-345.0.txt",
  import.meta.url,
);

/** The file's text, including carriage returns; undefined when it does not exist. */
export function publishedText(): string | undefined {
  return existsSync(PUBLISHED_FILE) ? readFileSync(PUBLISHED_FILE, "latin1") : undefined;
}

/** Its lines without line ends, comments first; undefined when it does not exist. */
export function publishedLines(): { header: string[]; rows: string[] } | undefined {
  const lines = publishedText()?.split(/[\r\n]+/).filter((line) => line !== "");
  return lines && {
    header: lines.filter((line) => line.startsWith("#")),
    rows: lines.filter((line) => !line.startsWith("#")),
  };
}
