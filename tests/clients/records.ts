/**
 * Records to send, and the comparison with what came back.
 */
import { expect } from "vitest";
import type { NewRecord, SeenRecord } from "./client.ts";

/** Size of an encoded trajectory, which is what the log is for. */
const VALUE_BYTES = 770;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A record in the words of a test. */
export interface RecordInWords {
  readonly partition?: number;
  readonly key?: string | Uint8Array | null;
  readonly value?: string | Uint8Array | null;
  readonly headers?: readonly (readonly [string, string | null])[];
}

const bytesOf = (given: string | Uint8Array | null): Uint8Array | null =>
  typeof given === "string" ? encoder.encode(given) : given;

/** A record with text for bytes. */
export function makeRecord(words: RecordInWords): NewRecord {
  const { partition = 0, key = "key", value = "value", headers = [] } = words;
  return {
    partition,
    key: bytesOf(key),
    value: bytesOf(value),
    headers: headers.map(([name, text]) => [name, bytesOf(text)]),
  };
}

/** `count` records of the size of trajectories, dealt to the partitions in turn; each is different, and compresses. */
export function makeRecords(count: number, partitions: number): NewRecord[] {
  return Array.from({ length: count }, (_, at) =>
    makeRecord({
      partition: at % partitions,
      key: `2024081${at % 10}_${at}`,
      value: `${at};`.repeat(VALUE_BYTES).slice(0, VALUE_BYTES),
    }));
}

const inWords = ({ partition, key, value, headers }: NewRecord) => ({
  partition,
  key: key && text(key),
  value: value && text(value),
  headers: headers.map(([name, bytes]) => [name, bytes && text(bytes)]),
});

/** Bytes as text where they are UTF-8, and as hexadecimal digits where they aren't. */
function text(bytes: Uint8Array): string {
  const asText = decoder.decode(bytes);
  return asText.includes("\ufffd")
    ? Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
    : asText;
}

/** The values as text; a null value is an empty text. */
export const texts = (records: readonly SeenRecord[]): string[] =>
  records.map(({ value }) => value === null ? "" : decoder.decode(value));

/** Expects the same records in the same order, with offsets from `firstOffset` on. */
export function expectSame(
  seen: readonly SeenRecord[],
  sent: readonly NewRecord[],
  firstOffset: number,
): void {
  expect(seen.map(inWords)).toEqual(sent.map(inWords));
  expect(seen.map((one) => one.offset)).toEqual(sent.map((_, at) => firstOffset + at));
}
