/**
 * Load for a broker that will be killed: each kind of writer records what was acknowledged, and afterwards checks that all
 * of it is stored. Writers continue across any number of deaths of the broker.
 */
import { ApiKey, ErrorCode } from "@gmn/kafka-formats";
import { expect } from "vitest";
import { makeBatch } from "@gmn/kafka-formats/testing";
import { commitOffset } from "./membership.ts";
import type { RawClient } from "./testing/raw_client.ts";

/** The current connection and the registry's URL. Both change at each restart. */
export interface Target {
  readonly client: RawClient;
  readonly schemaRegistryUrl: string;
}

/** One kind of writer. */
export interface Writer {
  /** Writes once. Rejects when the broker dies; an unacknowledged write may then be stored or not. */
  write(target: Target): Promise<void>;
  /** Checks that everything acknowledged is stored. */
  check(target: Target): Promise<void>;
}

/** The values of all records of a partition, by offset. */
async function readAll(client: RawClient, topic: string): Promise<Map<number, string>> {
  const values = new Map<number, string>();
  const text = new TextDecoder();
  for (let offset = 0;;) {
    const { records, highWatermark, errorCode } = await client.fetch(topic, 0, offset);
    expect(errorCode).toBe(ErrorCode.NONE);
    if (offset >= highWatermark) return values;
    for (let at = 0; at < records.length;) {
      const view = new DataView(records.buffer, records.byteOffset + at);
      const size = view.getInt32(8) + 12;
      const count = view.getInt32(57);
      // Each record of these tests has a fixed size: a value of ten digits, no key, no headers.
      const recordBytes = (size - 61) / count;
      for (let i = 0; i < count; i++) {
        const from = at + 61 + i * recordBytes + recordBytes - 11;
        values.set(Number(view.getBigInt64(0)) + i, text.decode(records.subarray(from, from + 10)));
      }
      offset = Number(view.getBigInt64(0)) + count;
      at += size;
    }
  }
}

const tenDigits = (n: number) => String(n).padStart(10, "0");

/** Resends a batch until it is acknowledged: every record must be stored exactly once, in order. */
export class IdempotentWriter implements Writer {
  private producerId = -1;
  private next = 0;
  private pending: { first: number; batch: Uint8Array; count: number } | null = null;
  constructor(private readonly topic: string, private readonly draw: (below: number) => number) {}

  async write({ client }: Target): Promise<void> {
    if (this.producerId === -1) {
      const r = await client.request(ApiKey.InitProducerId, 1, (w) => {
        w.string(null);
        w.int32(1000);
      });
      r.int32();
      expect(r.int16()).toBe(ErrorCode.NONE);
      this.producerId = r.int64();
    }
    this.pending ??= this.newBatch();
    const { batch, first, count } = this.pending;
    const answer = await client.produce(this.topic, 0, batch.slice());
    expect(answer).toEqual({ errorCode: ErrorCode.NONE, baseOffset: first });
    this.next = first + count;
    this.pending = null;
  }

  private newBatch() {
    const count = 1 + this.draw(5);
    const values = Array.from({ length: count }, (_, i) => ({ value: tenDigits(this.next + i) }));
    const batch = makeBatch(values, {
      producerId: this.producerId,
      producerEpoch: 0,
      baseSequence: this.next,
    });
    return { first: this.next, batch, count };
  }

  async check({ client }: Target): Promise<void> {
    const values = [...await readAll(client, this.topic)];
    // The last batch may be stored without an acknowledgement.
    const possible = this.next + (this.pending?.count ?? 0);
    expect([this.next, possible]).toContain(values.length);
    expect(values).toEqual(values.map((_, i) => [i, tenDigits(i)]));
  }
}

/** Never resends: an acknowledged record must be at the offset that was returned. */
export class PlainWriter implements Writer {
  private next = 0;
  private readonly acknowledged = new Map<number, string>();
  constructor(private readonly topic: string) {}

  async write({ client }: Target): Promise<void> {
    const value = tenDigits(this.next++);
    const { errorCode, baseOffset } = await client.produce(this.topic, 0, makeBatch([{ value }]));
    expect(errorCode).toBe(ErrorCode.NONE);
    expect(this.acknowledged.has(baseOffset)).toBe(false); // an offset is assigned once
    this.acknowledged.set(baseOffset, value);
  }

  async check({ client }: Target): Promise<void> {
    const values = await readAll(client, this.topic);
    for (const [offset, value] of this.acknowledged) {
      expect([offset, values.get(offset)]).toEqual([offset, value]);
    }
    const seen = [...values.values()];
    expect(new Set(seen).size).toBe(seen.length); // no duplicates
  }
}

/** Commits increasing offsets for a group. */
export class OffsetWriter implements Writer {
  private tried = 0;
  private acknowledged = 0;
  constructor(private readonly group: string, private readonly topic: string) {}

  async write({ client }: Target): Promise<void> {
    const offset = ++this.tried;
    const errorCode = await commitOffset(client, this.group, "", -1, this.topic, offset);
    expect(errorCode).toBe(ErrorCode.NONE);
    this.acknowledged = Math.max(this.acknowledged, offset);
  }

  async check({ client }: Target): Promise<void> {
    const r = await client.request(ApiKey.OffsetFetch, 4, (w) => {
      w.string(this.group);
      w.array([0], () => {
        w.string(this.topic);
        w.array([0], (n) => w.int32(n));
      });
    });
    r.int32();
    r.int32();
    r.string();
    r.int32();
    r.int32();
    const committed = r.int64();
    expect(committed).toBeGreaterThanOrEqual(this.acknowledged === 0 ? -1 : this.acknowledged);
    expect(committed).toBeLessThanOrEqual(this.tried);
  }
}

/** Creates topics. */
export class TopicWriter implements Writer {
  private next = 0;
  private readonly acknowledged: string[] = [];

  async write({ client }: Target): Promise<void> {
    const name = `made-${this.next++}`;
    expect(await client.createTopic(name, 2)).toBe(ErrorCode.NONE);
    this.acknowledged.push(name);
  }

  async check({ client }: Target): Promise<void> {
    const r = await client.request(ApiKey.Metadata, 4, (w) => {
      w.int32(-1); // all
      w.boolean(false);
    });
    r.int32();
    r.array(() => [r.int32(), r.string(), r.int32(), r.nullableString()]);
    r.string();
    r.int32();
    const found = new Map(r.array(() => {
      r.int16();
      const name = r.string();
      r.boolean();
      const ints = () => r.array(() => r.int32());
      return [
        name,
        r.array(() => [r.int16(), r.int32(), r.int32(), ints(), ints()]).length,
      ] as const;
    }));
    for (const name of this.acknowledged) expect([name, found.get(name)]).toEqual([name, 2]);
  }
}

/** Registers schemas. */
export class SchemaWriter implements Writer {
  private next = 0;
  private readonly acknowledged = new Map<string, number>();

  async write({ schemaRegistryUrl }: Target): Promise<void> {
    const subject = `subject-${this.next++}`;
    const type = { type: "record", name: `R${this.next}`, fields: [] };
    const response = await fetch(`${schemaRegistryUrl}/subjects/${subject}/versions`, {
      method: "POST",
      headers: { "Content-Type": "application/vnd.schemaregistry.v1+json" },
      body: JSON.stringify({ schema: JSON.stringify(type) }),
    });
    const { id } = await response.json() as { id: number };
    expect(response.status).toBe(200);
    this.acknowledged.set(subject, id);
  }

  async check({ schemaRegistryUrl }: Target): Promise<void> {
    const ids = [...this.acknowledged.values()];
    expect(new Set(ids).size).toBe(ids.length);
    for (const [subject, id] of this.acknowledged) {
      const response = await fetch(`${schemaRegistryUrl}/subjects/${subject}/versions/latest`);
      expect(await response.json()).toMatchObject({ subject, id, version: 1 });
    }
  }
}
