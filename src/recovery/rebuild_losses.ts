/** What a rebuild from this log would lose: sentences with numbers, for the person who decides whether that is accepted. */
import type { TableDifference } from "../store/table_differences.ts";
import type { LogScan, OffsetRange, PartitionScan } from "./scan_log.ts";

/** A range of a partition. */
export interface PartitionRange extends OffsetRange {
  readonly topic: string;
  readonly partition: number;
}

/** A partition whose end is before what the data store has loaded. */
export interface ShorterPartition {
  readonly topic: string;
  readonly partition: number;
  /** The data store's offset. */
  readonly loaded: bigint;
  /** The log's end. */
  readonly high: bigint;
}

/** Ranges that a sentence names; the rest is counted. */
const RANGES_MAX = 5;

/** Rows that people look for, by table. Rows of other tables follow from them. */
const NAMED_ROWS: Readonly<Record<string, string>> = {
  meteor: "trajectories",
  ingestion_run: "runs",
  dead_letter: "dead letters",
  iau_shower_list: "listed showers",
};

/**
 * What is missing or can't be read in the log. Ranges within `covered` (they were repaired: the log has their records again, later) do
 * not count.
 * @param compacted topics whose records may be gone because newer ones have replaced them
 */
export function lossesInLog(
  { partitions }: Pick<LogScan, "partitions">,
  { covered, compacted }: {
    readonly covered: readonly PartitionRange[];
    readonly compacted: ReadonlySet<string>;
  },
): string[] {
  return partitions.flatMap((scan) => {
    const name = `${scan.topic}-${scan.partition}`;
    const open = <Found extends OffsetRange>(found: readonly Found[]) =>
      found.filter((range) => !isCovered(scan, range, covered));
    const beginning = scan.low > 0n && !compacted.has(scan.topic)
      ? open([{ first: 0n, last: scan.low - 1n }])
      : [];
    const unreadable = open(scan.unreadable);
    const gaps = open(scan.gaps);
    return [
      ...beginning.map(({ last }) => `${name}: offsets 0 to ${last} are no longer in the log`),
      ...unreadable.length === 0 ? [] : [
        `${name}: ${unreadable.length} record ${
          unreadable.length === 1 ? "batch" : "batches"
        } can't be read, ${ranges(unreadable)}: ${unreadable[0]!.reason}`,
      ],
      ...gaps.length === 0 ? [] : [`${name}: records are missing, ${ranges(gaps)}`],
    ];
  });
}

/** Partitions that end before what is loaded: an older copy of the log, or another log. */
export function lossesByEnd(shorter: readonly ShorterPartition[]): string[] {
  return shorter.map(({ topic, partition, loaded, high }) =>
    `${topic}-${partition}: the data store has loaded a log up to offset ${loaded}, but this log ends at ${high}`
  );
}

/** Rows of the data store that the log does not give. */
export function lossesInTables(tables: readonly TableDifference[]): string[] {
  return tables.flatMap(({ table, missing, rowsBefore, examples }) => {
    const what = NAMED_ROWS[table];
    if (what === undefined || missing === 0) return [];
    return [
      `${missing} of ${rowsBefore} ${what} of the data store are not in the log: ${
        listed(examples.missing, missing)
      }`,
    ];
  });
}

/** One line for each table that differs. */
export function describeDifferences(tables: readonly TableDifference[]): string[] {
  return tables.flatMap((of) => {
    const parts = ([
      ["missing", "not in the log", of.missing],
      ["added", "only in the log", of.added],
      ["changed", "with other values", of.changed],
    ] as const).filter(([, , count]) => count > 0).map(([kind, what, count]) =>
      `${count} ${what} (${listed(of.examples[kind], count)})`
    );
    if (parts.length === 0) return [];
    return [`${of.table}: ${of.rowsBefore} rows, ${of.rowsAfter} by the log; ${parts.join(", ")}`];
  });
}

function listed(examples: readonly string[], count: number): string {
  return [...examples, ...count > examples.length ? ["…"] : []].join(", ");
}

function ranges(found: readonly OffsetRange[]): string {
  const shown = found.slice(0, RANGES_MAX).map(({ first, last }) =>
    first === last ? `offset ${first}` : `offsets ${first} to ${last}`
  );
  const more = found.length - shown.length;
  return [...shown, ...more > 0 ? [`${more} more`] : []].join(", ");
}

/** Whether all of a range lies within repaired ranges. */
export function isCovered(
  { topic, partition }: Pick<PartitionScan, "topic" | "partition">,
  { first, last }: OffsetRange,
  covered: readonly PartitionRange[],
): boolean {
  const here = covered.filter((range) => range.topic === topic && range.partition === partition)
    .toSorted((a, b) => a.first < b.first ? -1 : 1);
  // A range may be covered by several that follow each other.
  let next = first;
  for (const range of here) if (range.first <= next && range.last >= next) next = range.last + 1n;
  return next > last;
}
