/** Conditional and range requests: what a request's headers ask for (RFC 9110, sections 13, 14). */

/** A version of a file. */
export interface FileVersion {
  size_bytes: number;
  modified: Date;
}

/** The headers that matter here. */
export interface Conditions {
  ifNoneMatch: string | undefined;
  ifModifiedSince: string | undefined;
  range: string | undefined;
  ifRange: string | undefined;
}

/** What to answer. `end` is the last byte sent. */
export type Answer =
  | { status: 200 }
  | { status: 206; start: number; end: number }
  | { status: 304 }
  | { status: 416 };

/** nginx's entity tag: time of modification and size, both in hexadecimal. */
export function entityTag({ modified, size_bytes }: FileVersion): string {
  return `"${Math.floor(modified.getTime() / 1000).toString(16)}-${size_bytes.toString(16)}"`;
}

/** Decides between the whole file, a part of it, and none. */
export function answerTo(conditions: Conditions, file: FileVersion): Answer {
  if (isUnchanged(conditions, file)) return { status: 304 };
  const { range, ifRange } = conditions;
  if (range === undefined || !rangeStillHolds(ifRange, file)) return { status: 200 };
  return partOf(range, file.size_bytes);
}

function isUnchanged({ ifNoneMatch, ifModifiedSince }: Conditions, file: FileVersion): boolean {
  // The tag is more precise than the date: with a tag the date is ignored.
  if (ifNoneMatch !== undefined) {
    const tag = entityTag(file);
    const tags = ifNoneMatch.split(",").map((listed) => listed.trim().replace(/^W\//, ""));
    return tags.includes("*") || tags.includes(tag);
  }
  if (ifModifiedSince === undefined) return false;
  const since = Date.parse(ifModifiedSince);
  return !Number.isNaN(since) && wholeSeconds(file.modified) <= since;
}

/** A part is only useful to a client that has the rest of the same version. */
function rangeStillHolds(ifRange: string | undefined, file: FileVersion): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.startsWith('"')) return ifRange === entityTag(file);
  return Date.parse(ifRange) === wholeSeconds(file.modified);
}

const wholeSeconds = (date: Date): number => Math.floor(date.getTime() / 1000) * 1000;

/** One range. Several ranges, or an invalid one, get the whole file, as the RFC allows. */
function partOf(range: string, size: number): Answer {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(range.trim()) ?? [];
  if (first === "" && last === "") return { status: 200 };
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? { status: 416 } : { status: 206, start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < start) return { status: 200 };
  return start < size ? { status: 206, start, end } : { status: 416 };
}
