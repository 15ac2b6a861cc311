/**
 * The shower list that ships with the service, `iau_showers.csv`. It gives showers names until the list of the IAU Meteor Data
 * Center is first fetched, and where it can't be fetched (docs/decisions/0009-shower-names.md).
 *
 * The comments of the file give the month of the list and the number of its showers. The file is validated when it is read: a bad
 * edit must fail the tests, not give showers wrong names.
 */
import { readFileSync } from "node:fs";
// @ts-types="./std_csv.d.ts"
import { parse } from "@std/csv/parse.js";
import { PermanentError } from "@gmn/failures";
import type { Shower } from "./shower_list.ts";

/** A shipped shower list. */
export interface ShippedShowers {
  /** Month of the edition, `YYYY-MM`: later lists sort after earlier ones. */
  readonly edition: string;
  /** Ordered by number. Their status is null: the file has none. */
  readonly showers: readonly Shower[];
}

const FILE = new URL("./iau_showers.csv", import.meta.url);
const HEADER = "number,code,name";
/** Three letters in the list of 2021 (`DDl` has a lower-case one). The GMN's provisional codes, up to eight, are not on it. */
const CODE = /^[A-Za-z][A-Za-z0-9]{2}$/;
/** Printable ASCII without surrounding blanks, as all names of the list are. */
const NAME = /^[!-~](?:[ -~]*[!-~])?$/;
const SOURCE = /^shipped list of (\d{4}-\d{2})$/;
const MONTH_AND_YEAR = new Intl.DateTimeFormat("en-US", {
  month: "long",
  year: "numeric",
  timeZone: "UTC",
});

let shipped: ShippedShowers | null = null;

/** The list shipped with this version. Read once. @throws PermanentError when the file is damaged */
export function shippedShowers(): ShippedShowers {
  return shipped ??= readShippedShowers(readFileSync(FILE, "utf8"));
}

/**
 * Reads a shipped list.
 * @throws PermanentError naming the first invalid row
 */
export function readShippedShowers(text: string): ShippedShowers {
  const edition = /^# state: (\d{4}-(?:0[1-9]|1[0-2]))$/m.exec(text)?.[1];
  const count = /^# showers: (\d+)$/m.exec(text)?.[1];
  if (edition === undefined || count === undefined) {
    throw damaged("its comments do not say `# state: YYYY-MM` and `# showers: COUNT`");
  }
  const [header, ...rows] = parse(text, { comment: "#" });
  if (header?.join(",") !== HEADER) throw damaged(`its header is not ${HEADER}`);
  const showers: Shower[] = [];
  for (const row of rows) {
    const [number = "", code = "", name = ""] = row;
    const isValid = row.length === 3 && /^[1-9]\d{0,4}$/.test(number) && CODE.test(code) &&
      NAME.test(name) && Number(number) > (showers.at(-1)?.number ?? 0);
    if (!isValid) throw damaged(`no shower, or out of order: ${JSON.stringify(row)}`);
    showers.push({ number: Number(number), code, name, status: null });
  }
  if (showers.length !== Number(count)) {
    throw damaged(`it has ${showers.length} showers and says ${count}`);
  }
  return { edition, showers };
}

function damaged(why: string): PermanentError {
  return new PermanentError(`${FILE.pathname} is damaged: ${why}`, {
    hint: "Restore the file from the release.",
  });
}

/** The source recorded in events and rows of the shipped list. */
export function shippedSource(edition: string): string {
  return `shipped list of ${edition}`;
}

/** The edition of the shipped list that a source names; null for any other source, which was fetched. */
export function shippedEdition(source: string): string | null {
  return SOURCE.exec(source)?.[1] ?? null;
}

/** An edition in words: `November 2021` for `2021-11`. */
export function editionInWords(edition: string): string {
  return MONTH_AND_YEAR.format(new Date(`${edition}-01`));
}
