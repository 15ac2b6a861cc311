/**
 * Declares the messages of the protocol: the fields of each request and response, as in Kafka's description of the protocol
 * (https://kafka.apache.org/protocol). One declaration reads, writes and types a message.
 *
 *     struct({
 *       _throttle_ms: since(2, fixed(int32, 0)),
 *       topics: array(struct({ name: string, errorCode })),
 *     })
 *
 * A field whose name begins with `_` is not part of the message's type: it is read and dropped, and written with its
 * fixed value.
 */
import type { ErrorCode } from "./protocol_codes.ts";
import type { Reader } from "./protocol_reader.ts";
import type { Writer } from "./protocol_writer.ts";

/** A type of the protocol. */
export interface Field<Value> {
  read(reader: Reader, version: number): Value;
  write(writer: Writer, value: Value, version: number): void;
}

/** The TypeScript type of a field's value. */
export type ValueOf<F> = F extends Field<infer Value> ? Value : never;

function primitive<Value>(
  read: (reader: Reader) => Value,
  write: (writer: Writer, value: Value) => void,
): Field<Value> {
  return { read, write };
}

export const int8 = primitive((r) => r.int8(), (w, value: number) => w.int8(value));
export const int16 = primitive((r) => r.int16(), (w, value: number) => w.int16(value));
export const int32 = primitive((r) => r.int32(), (w, value: number) => w.int32(value));
export const int64 = primitive((r) => r.int64(), (w, value: number) => w.int64(value));
export const boolean = primitive((r) => r.boolean(), (w, value: boolean) => w.boolean(value));
export const string = primitive((r) => r.string(), (w, value: string) => w.string(value));
export const nullableString = primitive(
  (r) => r.nullableString(),
  (w, value: string | null) => w.string(value),
);
export const bytes = primitive(
  (r) => r.bytesField(),
  (w, value: Uint8Array) => w.bytesField(value),
);
export const errorCode = int16 as Field<ErrorCode>;

/** Consecutive record batches in a request; null for none. */
export const recordsIn = primitive<Uint8Array | null>((r) => r.nullableBytes(), neverWritten);
/** Record batches in a response, which are not copied. */
export const recordsOut = primitive<readonly Uint8Array[]>(
  neverRead,
  (w, batches) => w.bytesOf(batches),
);

function neverRead(): never {
  throw new Error("a field of responses was read");
}
function neverWritten(): never {
  throw new Error("a field of requests was written");
}

export function array<Value>(element: Field<Value>): Field<readonly Value[]> {
  return {
    read: (reader, version) => reader.array((each) => element.read(each, version)),
    write: (writer, values, version) =>
      writer.array(values, (value) => element.write(writer, value, version)),
  };
}

/** An array that may be null, which usually means "all". */
export function nullableArray<Value>(element: Field<Value>): Field<readonly Value[] | null> {
  return {
    read: (reader, version) => reader.nullableArray((each) => element.read(each, version)),
    write: neverWritten,
  };
}

/** A field that exists from `version` on; in earlier versions its value is `absent`. */
export function since<Value>(first: number, field: Field<Value>, absent: Value): Field<Value>;
export function since(first: number, field: Field<void>): Field<void>;
export function since<Value>(first: number, field: Field<Value>, absent?: Value): Field<Value> {
  return within(first, Infinity, field, absent as Value);
}

/** A field that exists from version `first` to `last`. */
export function within<Value>(
  first: number,
  last: number,
  field: Field<Value>,
  absent: Value,
): Field<Value> {
  const isThere = (version: number) => version >= first && version <= last;
  return {
    read: (reader, version) => isThere(version) ? field.read(reader, version) : absent,
    write(writer, value, version) {
      if (isThere(version)) field.write(writer, value, version);
    },
  };
}

/** A field that is ignored when read and always written with this value. */
export function fixed<Value>(field: Field<Value>, value: Value): Field<void> {
  return {
    read: (reader, version) => void field.read(reader, version),
    write: (writer, _, version) => field.write(writer, value, version),
  };
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type Struct<F extends Fields> = {
  readonly [Name in keyof F as Name extends `_${string}` ? never : Name]: ValueOf<F[Name]>;
};

/** A sequence of fields. */
export function struct<F extends Fields>(fields: F): Field<Struct<F>> {
  const entries = Object.entries(fields) as [string, Field<unknown>][];
  return {
    read(reader, version) {
      const values: Record<string, unknown> = {};
      for (const [name, field] of entries) {
        const value = field.read(reader, version);
        if (!name.startsWith("_")) values[name] = value;
      }
      return values as Struct<F>;
    },
    write(writer, values, version) {
      for (const [name, field] of entries) {
        field.write(writer, (values as Record<string, unknown>)[name], version);
      }
    },
  };
}

/** The most frequent shape: topics, each with some of its partitions. */
export const topicsOf = <Value>(partition: Field<Value>) =>
  array(struct({ name: string, partitions: array(partition) }));

/** A topic with one item for each of some partitions. */
export interface OfTopic<Value> {
  readonly name: string;
  readonly partitions: readonly Value[];
}

/** The same shape, with each partition mapped by `work`. */
export function mapPartitions<Value, Result>(
  topics: readonly OfTopic<Value>[],
  work: (partition: Value, topic: string) => Result,
): OfTopic<Result>[] {
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partition) => work(partition, name)),
  }));
}

/** The same for asynchronous work: all partitions at once. */
export async function mapPartitionsAsync<Value, Result>(
  topics: readonly OfTopic<Value>[],
  work: (partition: Value, topic: string) => Promise<Result>,
): Promise<OfTopic<Result>[]> {
  return await Promise.all(topics.map(async ({ name, partitions }) => ({
    name,
    partitions: await Promise.all(partitions.map((partition) => work(partition, name))),
  })));
}

/** How long the client should wait: always 0. */
export const THROTTLE = fixed(int32, 0);
