/**
 * The digest of a record's value, by which a repeated record is recognised without decoding it (store/repeats.ts).
 *
 * XXH64 of the bytes, schema id included. The seed is derived from how this version stores values: the columns of `meteor`, and
 * `KEPT_AS` for differences that the columns don't show. So bytes that were stored by another version, which had no column for one
 * of their fields, count as new. A digest is compared only with that of the row with the record's key, so two different values of a
 * trajectory have the same digest with a probability of 1 in 2^64.
 */
import xxhash from "xxhash-wasm";
import { METEOR_COLUMNS } from "../store/meteor_columns.ts";

/** Increase it when values are stored differently in the same columns (store/stage.ts). */
const KEPT_AS = 1;

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
