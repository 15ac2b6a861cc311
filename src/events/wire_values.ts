/**
 * Values of the service's own topics (run events, dead letters, showers) in the schema registry's wire format.
 *
 * Trajectory summaries have a faster codec of their own (trajectory/codec.ts).
 */
import { Buffer } from "node:buffer";
import avro from "avsc";
import { explain, PermanentError } from "@gmn/failures";
import { WIRE_HEADER_BYTES, writeWireHeader } from "../wire_format/wire_header.ts";
import { schemaText } from "./schema_files.ts";
import type { Topic } from "./topics.ts";

/** Encodes and decodes the values of one topic. `Value` is the flat record described by its .avsc. */
export interface ValueCodec<Value> {
  /** @throws PermanentError when `value` does not fit the schema */
  encode(value: Value, schemaId: number): Buffer;
  /**
   * Decodes a value written with `writerSchema` (JSON text), of any version, into the current record.
   * @throws PermanentError when the bytes are not of that schema, or the schemas can't be reconciled
   */
  decode(bytes: Uint8Array, writerSchema: string): Value;
}

/** The codec of a topic's values. */
export function createValueCodec<Value>(topic: Topic): ValueCodec<Value> {
  const type = avro.Type.forSchema(JSON.parse(schemaText(topic.schemaFile)));
  const resolvers = new Map<
    string,
    { type: avro.Type; resolver: ReturnType<avro.Type["createResolver"]> }
  >();
  return {
    encode(value, schemaId) {
      let body: Buffer;
      try {
        body = type.toBuffer(value);
      } catch (error) {
        throw new PermanentError(
          `a value of ${topic.name} does not fit its schema: ${explain(error)}`,
          { cause: error },
        );
      }
      const header = Buffer.alloc(WIRE_HEADER_BYTES);
      writeWireHeader(header, 0, schemaId);
      return Buffer.concat([header, body]);
    },
    decode(bytes, writerSchema) {
      try {
        let known = resolvers.get(writerSchema);
        if (known === undefined) {
          const writer = avro.Type.forSchema(JSON.parse(writerSchema));
          known = { type: writer, resolver: type.createResolver(writer) };
          resolvers.set(writerSchema, known);
        }
        const body = Buffer.from(
          bytes.buffer,
          bytes.byteOffset + WIRE_HEADER_BYTES,
          bytes.byteLength - WIRE_HEADER_BYTES,
        );
        return type.fromBuffer(body, known.resolver) as Value;
      } catch (error) {
        throw new PermanentError(`a value of ${topic.name} can't be decoded: ${explain(error)}`, {
          cause: error,
        });
      }
    },
  };
}
