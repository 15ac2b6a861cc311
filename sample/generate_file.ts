/**
 * Writes one large summary file, for benchmarks, in little memory.
 *
 *     deno run -A sample/generate_file.ts --rows 200000 --out FILE --style daily|all [--fast]
 *
 * `daily` is the layout of daily and monthly files in one piece (LF CR), `all` that of the concatenated ones.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { explain, hintOf, PermanentError } from "@gmn/failures";
import { moment, oneOf, wholeNumber } from "./arguments.ts";
import { repeatRows } from "./fast_rows.ts";
import { codeWidthAt, headerLines, LINE_END, stampLine } from "./format_row.ts";
import { generateRows } from "./generate_rows.ts";
import { monthlyRun } from "./generation_times.ts";
import { createTextFile } from "./text_file.ts";

const USAGE = `usage: deno run -A sample/generate_file.ts --rows N --out FILE [options]

  --style S     daily or all: how lines end (daily)
  --from T      the first moment, UTC (2019-01-01)
  --per-day N   meteors a day, mean over the year (2500)
  --seed N      the same seed makes the same meteors (1)
  --fast        the meteors of three days over and over, under new identifiers and times`;

/** Style of a file. */
export type FileStyle = "daily" | "all";

/** What to write. */
export interface FileOptions {
  path: string;
  style: FileStyle;
  rows: number;
  from: Date;
  perDay: number;
  seed: number;
  fast?: boolean;
}

/** The latest time for a generator that stops after a number of rows: no generation run is known after it. */
const FAR_FUTURE = new Date("2200-01-01T00:00:00Z");

/** Writes the file; returns its size in bytes. Header, stamp and date are those of the first row's month. */
export async function generateFile(options: FileOptions): Promise<number> {
  const { path, style, rows, from, perDay, seed, fast = false } = options;
  if (perDay < 1) throw new PermanentError(`meteors a day are ${perDay}; give 1 or more`);
  await using file = await createTextFile(path);
  const lines = (fast ? repeatRows : generateRows)({ seed, from, to: FAR_FUTURE, perDay });
  const layout = LAYOUTS[style];
  await file.write(layout.header(from));
  let month = from.toISOString().slice(0, 7);
  let left = rows;
  for (const { line, at } of lines) {
    if (left-- <= 0) break;
    const current = at.toISOString().slice(0, 7);
    if (current !== month) await file.write(layout.monthEnd);
    month = current;
    await file.write(line + layout.lineEnd);
  }
  return await file.finish(runOf(from));
}

interface Layout {
  header: (from: Date) => string;
  lineEnd: string;
  /** The remainder of a dropped header, between two months. */
  monthEnd: string;
}

const LAYOUTS: Record<FileStyle, Layout> = {
  daily: {
    header: (from) => [stampOf(from), ...namesOf(from)].map((line) => line + LINE_END).join(""),
    lineEnd: LINE_END,
    monthEnd: "",
  },
  all: {
    // See concatenate.ts: the first monthly file's stamp leaves an empty line.
    header: (from) =>
      `${stampOf(from)}${LINE_END}\n${namesOf(from).map((line) => `${line}\n\n`).join("")}`,
    lineEnd: "\n\n",
    monthEnd: "\n\n\n\n",
  },
};

const runOf = (from: Date): Date =>
  monthlyRun(from.getUTCFullYear(), from.getUTCMonth() + 1, FAR_FUTURE);
const stampOf = (from: Date): string => stampLine({ at: runOf(from), microseconds: 43 });
const namesOf = (from: Date): string[] => headerLines(codeWidthAt(runOf(from)));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: "string" },
      out: { type: "string" },
      style: { type: "string", default: "daily" },
      from: { type: "string", default: "2019-01-01" },
      "per-day": { type: "string", default: "2500" },
      seed: { type: "string", default: "1" },
      fast: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help || values.rows === undefined || values.out === undefined) {
    console.log(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const started = performance.now();
  const rows = wholeNumber("rows", values.rows, 0, 1e9);
  const size_bytes = await generateFile({
    path: values.out,
    style: oneOf("style", values.style, ["daily", "all"]),
    rows,
    from: moment("from", values.from),
    perDay: wholeNumber("per-day", values["per-day"], 1, 100_000),
    seed: wholeNumber("seed", values.seed, 0, 2 ** 32),
    fast: values.fast,
  });
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${rows} rows, ${size_bytes} bytes in ${values.out} ` +
      `(${seconds.toFixed(1)} s, ${Math.round(rows / seconds)} rows/s)`,
  );
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(explain(error));
    const hint = hintOf(error);
    if (hint !== undefined) console.error(`  ${hint}`);
    process.exit(1);
  }
}
