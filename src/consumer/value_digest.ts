/**
 * The digest of a record's value, by which the same record is known again without decoding it (store/repeats.ts).
 *
 * XXH64 of the bytes, schema id included, seeded with how this version keeps values: the columns of `meteor`, and `KEPT_AS` for
 * what the columns don't say. So bytes that were read by another version of the schema, when a field of theirs had no column yet,
 * are not taken for known. A digest is only ever compared with that of the one row that has the record's key: two values of a
 * trajectory that differ have the same one with a chance of 1 in 2^64.
 */
import xxhash from "xxhash-wasm";
import { METEOR_COLUMNS } from "../store/meteor_columns.ts";

/** To be raised when the same value would be kept otherwise than before in the same columns (store/stage.ts). */
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
