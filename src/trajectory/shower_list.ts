/**
 * The IAU Meteor Data Center's list of meteor showers (`streamfulldata*.txt`).
 *
 * The file is text: comment lines (`:`) and a ruler (`+`), followed by lines of quoted, padded fields separated by `|`. It has no
 * machine-readable header, and was published in two layouts, which have different numbers of fields (a trailing `|` is not a
 * field):
 *
 *     MDC2007   28   LP|IAUNo|AdNo|Code|name|activity|s|…
 *     MDC2022   36   LP|IAUNo|AdNo|Code|s|sub.date|name or designation|activity|…
 *               37   LP|IAUNo|AdNo|Code|s|sub.date|designation|name|activity|…
 *
 * The fifth field is the name in one layout and the status in the other, so lines of an unknown layout are refused.
 *
 * A shower has a row for each published solution (AdNo 000, 001, …), and their status may differ. Its code, name and status come
 * from the first row whose solution is not removed (status not negative), or else from the first row.
 */
// @ts-types="./std_csv.d.ts"
import { parse } from "@std/csv/parse.js";
import { explain, PermanentError } from "@gmn/failures";

/** One shower of the list. */
export interface Shower {
  /** IAU number, 1 and up. */
  readonly number: number;
  /** IAU code: three letters for most. `NAN` is one. */
  readonly code: string;
  readonly name: string;
  /** Status in the row that was used: 1 established, 0 working list, negative removed; null where the list has none. */
  readonly status: number | null;
}

/** A line that could not be read. */
export interface RejectedShowerLine {
  /** From 1. */
  readonly line: number;
  readonly reason: string;
}

/** The showers, ordered by number, and the lines that could not be read. */
export interface ShowerList {
  readonly showers: readonly Shower[];
  readonly rejected: readonly RejectedShowerLine[];
}

/** The positions of fields in a layout, from 0. */
interface Layout {
  readonly status: number;
  /** The first of these fields that is not blank is the name. */
  readonly names: readonly number[];
}
const NUMBER = 1, CODE = 3;
const LAYOUT_BY_FIELDS: ReadonlyMap<number, Layout> = new Map([
  [28, { status: 6, names: [4] }],
  [36, { status: 4, names: [6] }],
  [37, { status: 4, names: [7, 6] }],
]);

/**
 * Reads a shower list. Its text is UTF-8 or, as published, Latin-1.
 * @throws PermanentError if it has no shower at all
 */
export function readShowerList(bytes: Uint8Array): ShowerList {
  const showers = new Map<number, Shower>();
  const rejected: RejectedShowerLine[] = [];
  for (const [index, line] of textOf(bytes).split(/\r\n|\n\r|\n|\r/).entries()) {
    if (!line.startsWith('"')) continue;
    try {
      const shower = showerOf(line);
      const known = showers.get(shower.number);
      if (known === undefined || (isRemoved(known) && !isRemoved(shower))) {
        showers.set(shower.number, shower);
      }
    } catch (error) {
      rejected.push({ line: index + 1, reason: explain(error) });
    }
  }
  if (showers.size === 0) {
    throw new PermanentError(
      rejected.length === 0
        ? "the list has no showers: no line begins with a quoted field"
        : `the list has no showers that can be read; line ${rejected[0].line}: ${
          rejected[0].reason
        }`,
      { hint: "Expected is streamfulldata.txt of the IAU Meteor Data Center." },
    );
  }
  return { showers: [...showers.values()].sort((a, b) => a.number - b.number), rejected };
}

function isRemoved(shower: Shower): boolean {
  return shower.status !== null && shower.status < 0;
}

/** Each line is parsed separately: a stray quote would make a CSV parser read all following lines as one field. */
function showerOf(line: string): Shower {
  const [cells = []] = parse(line.replace(/\|\s*$/, ""), { separator: "|", lazyQuotes: true });
  const layout = LAYOUT_BY_FIELDS.get(cells.length);
  if (layout === undefined) {
    const known = [...LAYOUT_BY_FIELDS.keys()].join(", ");
    throw new PermanentError(`${cells.length} fields, the known layouts have ${known}`);
  }
  const number = integerOf(cells[NUMBER], "IAU number");
  const code = cells[CODE].trim();
  if (number === null || number < 1) throw new PermanentError(`IAU number ${number}`);
  if (code === "") throw new PermanentError(`shower ${number} has no code`);
  return {
    number,
    code,
    name: layout.names.map((at) => cells[at].trim()).find((name) => name !== "") ?? code,
    status: integerOf(cells[layout.status], "status"),
  };
}

/** The integer in a cell, or null for a blank cell. */
function integerOf(cell: string, what: string): number | null {
  const text = cell.trim();
  if (text === "") return null;
  if (!/^[+-]?\d{1,9}$/.test(text)) {
    throw new PermanentError(`${what} is ${JSON.stringify(text.slice(0, 40))}`);
  }
  return Number(text);
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}
