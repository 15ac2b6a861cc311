/** Whether a record of the target is the copy of a record of the source. */
import { Buffer } from "node:buffer";
import type { ConsumedRecord, HeaderValue } from "../events/consumed_record.ts";

/**
 * The first thing in which the copy differs, in a few words; null when it is the same.
 * @param value the source's value with the target's schema ids
 */
export function copyDifference(
  source: ConsumedRecord,
  value: Buffer | null,
  copy: ConsumedRecord,
): string | null {
  if (copy.unreadable !== undefined) return `it can't be read (${copy.unreadable.reason})`;
  if (!sameBytes(source.key, copy.key)) return "another key";
  if (source.timestamp.getTime() !== copy.timestamp.getTime()) {
    return `the time ${timeText(copy)} instead of ${timeText(source)}`;
  }
  if (!sameBytes(value, copy.value)) return "another value";
  return headerDifference(source.headers, copy.headers);
}

function headerDifference(
  source: ConsumedRecord["headers"],
  copy: ConsumedRecord["headers"],
): string | null {
  const names = Object.keys(source);
  if (names.length !== Object.keys(copy).length) return "other headers";
  const differing = names.find((name) =>
    !Object.hasOwn(copy, name) || !sameHeader(source[name], copy[name])
  );
  return differing === undefined ? null : `another header ${differing}`;
}

function sameHeader(source: HeaderValue, copy: HeaderValue): boolean {
  const [ours, theirs] = [source, copy].map((value) => Array.isArray(value) ? value : [value]);
  return ours!.length === theirs!.length &&
    ours!.every((one, at) => sameBytes(bytesOf(one), bytesOf(theirs![at])));
}

const bytesOf = (value: Buffer | string | undefined): Buffer | null =>
  value === undefined ? null : typeof value === "string" ? Buffer.from(value) : value;

function sameBytes(one: Buffer | null, other: Buffer | null): boolean {
  return one === null || other === null ? one === other : one.equals(other);
}

const timeText = ({ timestamp }: ConsumedRecord): string =>
  Number.isNaN(timestamp.getTime()) ? "invalid" : timestamp.toISOString();
