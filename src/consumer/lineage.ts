/**
 * Where a record says it comes from: its headers, read.
 */
import type { Buffer } from "node:buffer";
import type { ConsumedRecord, HeaderValue } from "../events/consumed_record.ts";
import { HEADERS } from "../events/topics.ts";
import type { Lineage } from "../store/trajectory_batch.ts";

/** A letter's id is a file's path with a line, or a topic with an offset; what is longer is somebody else's idea. */
const LETTER_ID_MAX_CHARACTERS = 1_000;

/**
 * A header that is mostly what it was in the record before (run, file, generation): looking at its bytes is cheaper than making a
 * text, or a date, of them again. It also lets thousands of records share one text.
 */
class Repeated<Meaning> {
  /** The very value: the decoder gives equal ones as the same buffer. */
  #value: HeaderValue = undefined;
  #bytes: Uint8Array | null = null;
  #meaning: Meaning;

  constructor(private readonly read: (text: string | null) => Meaning) {
    this.#meaning = read(null);
  }

  of(value: HeaderValue): Meaning {
    if (value !== undefined && value === this.#value) return this.#meaning;
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last === undefined || typeof last === "string") return this.read(last ?? null);
    this.#value = value;
    if (this.#bytes === null || !isSame(this.#bytes, last)) {
      this.#meaning = this.read(last.toString("utf8"));
      this.#bytes = Uint8Array.from(last);
    }
    return this.#meaning;
  }
}

function isSame(a: Uint8Array, b: Buffer): boolean {
  if (a.length !== b.length) return false;
  // From the end: what differs, differs there.
  for (let at = a.length - 1; at >= 0; at--) if (a[at] !== b[at]) return false;
  return true;
}

const asText = (text: string | null): string | null => text;
const runIds = new Repeated(asText);
const files = new Repeated(asText);
const generations = new Repeated((text): Date | null => {
  const at = new Date(text ?? NaN);
  return Number.isNaN(at.getTime()) ? null : at;
});
/** Another one in each record: nothing to remember. */
function lineOf(value: HeaderValue): number | null {
  const last = Array.isArray(value) ? value.at(-1) : value;
  const line = Number(last?.toString() ?? NaN);
  return Number.isSafeInteger(line) ? line : null;
}

/** Where a record says it comes from. A header that can't be read counts as missing: lineage is never worth losing a row. */
export function lineageOf(record: ConsumedRecord): Lineage {
  const { headers, offset } = record;
  const lineage = {
    offset,
    sourceFile: files.of(headers[HEADERS.sourceFile]),
    sourceLine: lineOf(headers[HEADERS.sourceLine]),
    sourceGeneratedAt: generations.of(headers[HEADERS.sourceGeneratedAt]),
    runId: runIds.of(headers[HEADERS.runId]),
  };
  const replayed = headers[HEADERS.deadLetterId];
  return replayed === undefined ? lineage : { ...lineage, ...replayOf(record, replayed) };
}

/** The letter that the record replays. A name no letter of ours has counts as none. */
function replayOf(record: ConsumedRecord, value: HeaderValue): Pick<Lineage, "replays"> {
  const last = Array.isArray(value) ? value.at(-1) : value;
  const letterId = last?.toString() ?? "";
  return letterId === "" || letterId.length > LETTER_ID_MAX_CHARACTERS
    ? {}
    : { replays: { letterId, at: record.timestamp } };
}
