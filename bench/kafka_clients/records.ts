/**
 * The records that the clients send: as large as encoded trajectories, with the service's keys and headers. Values are random
 * bytes, so that no client profits from compressible or predictable content.
 */
import { randomBytes, randomUUID } from "node:crypto";
import type { OutgoingRecord } from "../../src/events/publisher.ts";
import { HEADERS } from "../../src/events/topics.ts";

/** The mean size of a value in the topic (docs/performance.md). */
const VALUE_BYTES = 750;
/** Rows that the producer publishes at a time. */
const PORTION_RECORDS = 2_000;

/** `count` records, in portions of the service's size. */
export function makePortions(count: number): OutgoingRecord[][] {
  const bytes = randomBytes(VALUE_BYTES * PORTION_RECORDS);
  const runId = randomUUID();
  const generatedAt = new Date().toISOString();
  const record = (_: unknown, at: number): OutgoingRecord => {
    const from = at % PORTION_RECORDS * VALUE_BYTES;
    return {
      key: `20220304${String(at).padStart(6, "0")}_yrPTs`,
      value: bytes.subarray(from, from + VALUE_BYTES),
      headers: {
        [HEADERS.runId]: runId,
        [HEADERS.sourceFile]: "traj_summary_all.txt",
        [HEADERS.sourceLine]: String(at + 1),
        [HEADERS.sourceGeneratedAt]: generatedAt,
      },
    };
  };
  const records = Array.from({ length: count }, record);
  return Array.from(
    { length: Math.ceil(count / PORTION_RECORDS) },
    (_, at) => records.slice(at * PORTION_RECORDS, (at + 1) * PORTION_RECORDS),
  );
}
