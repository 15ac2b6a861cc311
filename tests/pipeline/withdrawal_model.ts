/**
 * Which trajectories must stand and which must be withdrawn in the end, according to decision 8: from the whole log, in memory.
 *
 * Where decision 8 makes it depend on what was read when, both are right: a trajectory that a neighbouring file has, or one that a record
 * has which is newer than one complete generation without it and older than another.
 */
import { type LogRecord, type Version, versionOf } from "./withdrawal_world.ts";
import type { RunEvent } from "../../src/runs/run_event.ts";

export type Verdict = "stands" | "withdrawn" | "either";

export interface Ended {
  readonly records: readonly LogRecord[];
  readonly journal: readonly RunEvent[];
  readonly files: readonly string[];
  readonly neighboursOf: (file: string) => readonly string[];
}

interface FileFacts {
  readonly stamps: ReadonlyMap<number, ReadonlySet<string>>;
  /** Stamp of the latest extraction, and the newest stamp of all. */
  readonly latest: number;
  readonly newest: number;
  readonly complete: readonly number[];
  readonly isLatestWhole: boolean;
  /** Stamps of several versions. */
  readonly reused: ReadonlySet<number>;
}

/** The verdict on each trajectory of which a record was loaded. */
export function verdictsOf(ended: Ended): Map<string, Verdict> {
  const facts = new Map(ended.files.map((file) => [file, factsOf(file, ended)]));
  const newestRecord = new Map<string, number>();
  for (const { file, id, stamp } of membersOf(ended.records)) {
    if (!facts.has(file)) continue;
    newestRecord.set(id, Math.max(newestRecord.get(id) ?? -Infinity, stamp.getTime()));
  }
  const verdicts = new Map<string, Verdict>();
  for (const [id, newest] of newestRecord) {
    const all = ended.files.map((file) => verdictOf(id, newest, file, facts, ended));
    verdicts.set(
      id,
      all.includes("withdrawn") ? "withdrawn" : all.includes("either") ? "either" : "stands",
    );
  }
  return verdicts;
}

function verdictOf(
  id: string,
  newestRecord: number,
  file: string,
  facts: ReadonlyMap<string, FileFacts>,
  { neighboursOf }: Ended,
): Verdict {
  const { stamps, latest, newest, complete, reused } = facts.get(file)!;
  const had = [...stamps].filter(([, ids]) => ids.has(id)).map(([stamp]) => stamp);
  if (had.length === 0) return "stands";
  const last = Math.max(...had);
  const without = complete.filter((stamp) => stamp > last);
  const isReused = had.some((stamp) => reused.has(stamp)) ||
    without.some((stamp) => reused.has(stamp));
  if (last >= latest) return isReused || last < newest ? "either" : "stands";
  if (without.length === 0 || newestRecord > without.at(-1)!) return "stands";
  const mayHaveMoved = neighboursOf(file).some((other) => {
    const of = facts.get(other)!;
    return !of.isLatestWhole ||
      [...of.stamps].some(([stamp, ids]) => stamp >= of.latest && ids.has(id));
  });
  return mayHaveMoved || isReused || newestRecord > without[0]! ? "either" : "withdrawn";
}

/** The trajectories of the records that were loaded. */
function* membersOf(records: readonly LogRecord[]) {
  for (const { id, confirms, file, stamp, isTombstone, isLost } of records) {
    if (isTombstone || isLost === true) continue;
    for (const one of confirms ?? [id]) yield { id: one, file, stamp };
  }
}

function factsOf(file: string, { records, journal }: Ended): FileFacts {
  const stamps = new Map<number, Set<string>>();
  for (const member of membersOf(records)) {
    if (member.file !== file) continue;
    const ids = stamps.get(member.stamp.getTime()) ?? new Set();
    stamps.set(member.stamp.getTime(), ids.add(member.id));
  }
  const begun = new Map<number, Set<string>>();
  const extracted: Version[] = [];
  for (const event of journal) {
    if (event.type !== "file_started" && event.type !== "file_extracted") continue;
    if (event.file !== file) continue;
    const version = versionOf(event.identity);
    const stamp = version.stamp.getTime();
    begun.set(stamp, (begun.get(stamp) ?? new Set()).add(event.identity.etag!));
    if (event.type === "file_extracted") extracted.push(version);
  }
  const isWhole = ({ stamp, ids }: Version) =>
    ids.every((id) => stamps.get(stamp.getTime())?.has(id) ?? false);
  const complete = new Set(extracted.filter(isWhole).map(({ stamp }) => stamp.getTime()));
  const latest = extracted.at(-1);
  return {
    stamps,
    latest: latest?.stamp.getTime() ?? -Infinity,
    newest: Math.max(...extracted.map(({ stamp }) => stamp.getTime()), -Infinity),
    complete: [...complete].toSorted((a, b) => a - b),
    isLatestWhole: latest === undefined || isWhole(latest),
    reused: new Set([...begun].filter(([, etags]) => etags.size > 1).map(([stamp]) => stamp)),
  };
}
