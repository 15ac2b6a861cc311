/** What a check of the log found, as text for people and as JSON. */
import type { Findings } from "../../recovery/finding.ts";
import type { PartitionScan } from "../../recovery/scan_log.ts";
import { type DamagedRange, isVerified, type Verification } from "../../recovery/verify.ts";
import { count } from "../progress_bar.ts";

/** More lines of one kind tell nobody more; `--json` has all. */
const LINES_MAX = 20;

/** Some lines; the last one says how many are left out. */
function some<Item>(items: readonly Item[], total: number, line: (item: Item) => string): string[] {
  const shown = items.slice(0, LINES_MAX).map(line);
  return total > shown.length ? [...shown, `… and ${count(total - shown.length)} more`] : shown;
}

const sizeOf = ({ first, last }: { first: bigint; last: bigint }): number =>
  Number(last - first) + 1;

/** The text that the command prints. Every line ends with a line feed. */
export function describeVerification(found: Verification): string {
  const lines = found.partitions.flatMap((scan) => [
    describePartition(scan),
    ...describeDamage(scan, found.damaged).map((line) => `  ${line}`),
  ]);
  lines.push(...describeStore(found));
  lines.push(
    isVerified(found) ? "the log is sound, and says what the data store has" : "something is wrong",
  );
  return lines.map((line) => `${line}\n`).join("");
}

function describePartition({ topic, partition, low, high, records }: PartitionScan): string {
  const range = low === high ? "empty" : `offsets ${low} to ${high - 1n}`;
  return `${topic}-${partition}: ${range}, ${count(records)} record(s) read`;
}

function describeDamage(scan: PartitionScan, damaged: readonly DamagedRange[]): string[] {
  const ranges = damaged.filter(({ topic, partition }) =>
    topic === scan.topic && partition === scan.partition
  );
  const lines = some(ranges, ranges.length, (range) => {
    const offsets = `offsets ${range.first} to ${range.last} (${count(sizeOf(range))})`;
    return range.repair === null
      ? `${range.kind}: ${offsets}: ${range.reason}`
      : `${range.kind}, repaired ${range.repair.at.toISOString()}: ${offsets}, ` +
        `${count(range.repair.republished)} record(s) republished, ${
          count(range.repair.lost)
        } lost`;
  });
  const { foreign, unknownSchemas } = scan;
  if (foreign !== null) {
    lines.push(
      `foreign: ${
        count(foreign.count)
      } value(s) that are not in the schema registry's wire format, the first at ${foreign.first}`,
    );
  }
  for (const [id, { count: records, first, reason }] of unknownSchemas) {
    lines.push(
      `schema ${id} is unknown: ${count(records)} record(s), the first at ${first}: ${reason}`,
    );
  }
  return lines;
}

function describeStore({ rows, deadLetters, runEvents }: Verification): string[] {
  const lines: string[] = [];
  if (rows !== null) {
    lines.push(
      `rows: ${count(rows.total)}, of which ${count(rows.confirmed)} are in the log as they are`,
    );
    if (rows.notInLog > 0) {
      lines.push(`  not in the log: ${count(rows.notInLog)} row(s) whose log is gone (offset -1)`);
    }
    lines.push(
      ...describeRows("their record is not where they say", rows.missing),
      ...describeRows("their record says something else", rows.different),
      ...describeRows(
        `records that can't be decoded and are no dead letter (${rows.undecodableReason})`,
        rows.undecodable,
      ),
    );
  }
  if (deadLetters !== null) {
    lines.push(`dead letters: ${count(deadLetters.confirmed)} are in the log as they are`);
    lines.push(...describeRows("not in the log, or with another reason", deadLetters.missing));
  }
  if (runEvents !== null) {
    lines.push(`events of runs: ${count(runEvents.confirmed)} are in the log as they are`);
    lines.push(...describeRows("not where they should be", runEvents.missing));
  }
  return lines;
}

function describeRows(what: string, found: Findings): string[] {
  if (found.count === 0) return [];
  return [
    `  ${count(found.count)}: ${what}`,
    ...some(
      found.rows,
      found.count,
      ({ id, partition, offset }) =>
        offset < 0n ? id : `${id} (partition ${partition}, offset ${offset})`,
    ).map((line) => `    ${line}`),
  ];
}

/** The same for JSON, which has no bigint: offsets become strings. */
export function plainVerification(found: Verification): unknown {
  const { damaged, rows, deadLetters, runEvents } = found;
  const plain = {
    sound: isVerified(found),
    partitions: found.partitions.map((
      { gaps: _gaps, unreadable: _unreadable, unknownSchemas, ...scan },
    ) => ({ ...scan, unknown_schemas: Object.fromEntries(unknownSchemas) })),
    damaged,
    rows: rows === null ? null : {
      total: rows.total,
      confirmed: rows.confirmed,
      not_in_log: rows.notInLog,
      missing: rows.missing,
      different: rows.different,
      undecodable: rows.undecodable,
    },
    dead_letters: deadLetters === null
      ? null
      : { confirmed: deadLetters.confirmed, missing: deadLetters.missing },
    run_events: runEvents === null
      ? null
      : { confirmed: runEvents.confirmed, missing: runEvents.missing },
  };
  return JSON.parse(
    JSON.stringify(plain, (_, value) => typeof value === "bigint" ? value.toString() : value),
  );
}
