/**
 * Digests by which a repeat is recognised: of a record's value (repeats.ts), and of a line of a file (known_lines.ts).
 *
 * A value's digest is XXH64 of its bytes, schema id included. The seed is derived from how this version stores values: the columns of `meteor`, and
 * `KEPT_AS` for differences that the columns don't show. So bytes that were stored by another version, which had no column for one
 * of their fields, count as new. A digest is compared only with that of the row with the record's key, so two different values of a
 * trajectory have the same digest with a probability of 1 in 2^64.
 *
 * A line's digest is XXH64 of its bytes, without its line end. Its seed also depends on the columns of the file's header, and on
 * `READ_AS`. So the same bytes under other columns are another line.
 */
import xxhash from "xxhash-wasm";
import type { SummaryHeader } from "../trajectory/summary_header.ts";
import { METEOR_COLUMNS } from "./meteor_columns.ts";

/** Increase it when values are stored differently in the same columns (stage.ts). */
const KEPT_AS = 1;
/** Increase it when the same line is read as other values (trajectory/row.ts, cell.ts). */
const READ_AS = 1;

const { h64, h64Raw } = await xxhash();
const SEED = h64(
  JSON.stringify([
    KEPT_AS,
    METEOR_COLUMNS.map(({ column, field, kind, sqlType }) => [column, field, kind, sqlType]),
  ]),
);

/** The digest, in the range of PostgreSQL's `bigint`. */
export function valueDigest(value: Uint8Array): bigint {
  return BigInt.asIntN(64, h64Raw(value, SEED));
}

/** Makes the digests of the lines under a header, in the range of PostgreSQL's `bigint`. */
export function createLineDigest(
  { columns }: Pick<SummaryHeader, "columns">,
): (line: Uint8Array) => bigint {
  const seed = h64(
    JSON.stringify([READ_AS, columns.map(({ name, field }) => [name, field])]),
    SEED,
  );
  return (line) => BigInt.asIntN(64, h64Raw(line, seed));
}
