/**
 * Reads the source's folder for the checker. It is a reader of its own, a few lines of split and trim, and shares nothing with the
 * service's: what both read alike is right.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Columns of a summary file. */
const WIDTH = 86;
const STAMP = /^# *Summary generated on (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})/;
/** Columns that hold words; all others are numbers. */
const WORDS: ReadonlySet<number> = new Set([0, 2, 4, 82, 83, 85]);

/** A file as it lies in the folder. */
export interface ReadFile {
  /** Relative to the data directory. */
  readonly path: string;
  readonly stamp_ms: number;
  /** Cells by id. */
  readonly rows: ReadonlyMap<string, readonly string[]>;
  /** Numbers of the lines that can't be read, from 1. */
  readonly badLines: readonly number[];
}

/** All summary files of a data directory. */
export async function readFiles(folder: string): Promise<ReadFile[]> {
  const names = (await readdir(join(folder, "daily"))).filter((name) => name.endsWith(".txt"));
  return await Promise.all(
    names.sort().map(async (name) => {
      const text = await readFile(join(folder, "daily", name), "utf8");
      return readText(`daily/${name}`, text);
    }),
  );
}

/** The rows of a file's text. */
export function readText(path: string, text: string): ReadFile {
  let stamp_ms = NaN;
  const rows = new Map<string, string[]>();
  const badLines: number[] = [];
  for (const [at, raw] of text.split("\n").entries()) {
    const line = raw.replaceAll("\r", "").trim();
    if (line === "") continue;
    if (line.startsWith("#")) {
      const [, day, time] = STAMP.exec(line) ?? [];
      if (day !== undefined) stamp_ms = Date.parse(`${day}T${time}Z`);
      continue;
    }
    const cells = line.split(";").map((cell) => cell.trim());
    if (isRow(cells)) rows.set(cells[0]!, cells);
    else badLines.push(at + 1);
  }
  return { path, stamp_ms, rows, badLines };
}

function isRow(cells: readonly string[]): boolean {
  return cells.length === WIDTH &&
    cells.every((cell, at) => WORDS.has(at) ? cell !== "" : Number.isFinite(Number(cell)));
}
