/**
 * Encodes and decodes trajectory summaries: an Avro body in the schema registry's wire format.
 *
 * Other producers write to this topic too: Python ones, which write NaN where a value is missing, and in future ones with newer or
 * older versions of the schema. So a record is decoded with the schema it was written with and resolved to ours. Fields that we do
 * not have are skipped, fields that it does not have are null, integers become doubles, and a double that is not finite is null
 * (`untrusted_types.ts`, which also keeps a damaged record from ending the process).
 */
import { Buffer } from "node:buffer";
import { explain, PermanentError } from "@gmn/failures";
import { WIRE_HEADER_BYTES, wireSchemaId, writeWireHeader } from "../wire_format/wire_header.ts";
import { recordType, TRAJECTORY_TYPE } from "./record.ts";
import { TRAJECTORY_FIELDS } from "./schema.ts";
import type { TrajectorySummary } from "./summary.ts";

/**
 * Values are written one after the other into blocks of this size, and returned as views of them. Allocating and collecting memory
 * for each value would cost more than writing it. A block lives as long as one of its values does.
 */
const BLOCK_BYTES = 512 * 1024;
/** Rows have about 770 bytes. A block with less space than this is not tried. */
const SPACE_BYTES = 4096;

/** A value that does not fit the schema, or bytes that are not a value of the schema. */
export class TrajectoryCodecError extends PermanentError {
  override readonly name = "TrajectoryCodecError";
  constructor(
    message: string,
    /** The field that is wrong; null if it is not a single one. */
    readonly field: string | null,
    options: { cause?: unknown; hint?: string } = {},
  ) {
    super(message, options);
  }
}

let block = Buffer.alloc(BLOCK_BYTES);
/** The position where the next value begins. */
let blockAt = 0;

/**
 * A summary as a value of the topic, in bytes that nothing else writes to. Missing fields are written as null.
 * @throws TrajectoryCodecError naming the first field whose value does not fit the schema
 */
export function encodeTrajectory(summary: TrajectorySummary, schemaId: number): Uint8Array {
  let end: number;
  if (block.length - blockAt < SPACE_BYTES) [block, blockAt] = [Buffer.alloc(BLOCK_BYTES), 0];
  try {
    // A negative result is the number of bytes that did not fit.
    while ((end = TRAJECTORY_TYPE.encode(summary, block, blockAt + WIRE_HEADER_BYTES)) < 0) {
      [block, blockAt] = [Buffer.alloc(Math.max(BLOCK_BYTES, 2 * (block.length - end))), 0];
    }
  } catch (error) {
    throw misfit(summary, error);
  }
  writeWireHeader(block, blockAt, schemaId);
  const value = block.subarray(blockAt, end);
  blockAt = end;
  return value;
}

/** Why a summary could not be encoded: the first field that does not fit. */
function misfit(summary: TrajectorySummary, cause: unknown): TrajectoryCodecError {
  let field: string | null = null;
  let message = `not a trajectory summary: ${explain(cause)}`;
  TRAJECTORY_TYPE.isValid({ ...summary }, {
    errorHook([name], value) {
      const kind = TRAJECTORY_FIELDS.find((known) => known.name === name)?.kind;
      if (field !== null || kind === undefined) return;
      field = name;
      message = `${name}: ${shown(value)} is not a ${kind} or null`;
    },
  });
  return new TrajectoryCodecError(message, field, { cause });
}

/** A value for an error message. */
function shown(value: unknown): string {
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return (typeof value === "string" ? JSON.stringify(text) : text).slice(0, 80);
}

/**
 * Decodes a value of the topic, wire header included.
 * @throws WireFormatError if it has no wire header
 * @throws TrajectoryCodecError naming the field at which the bytes stop making sense
 */
export type TrajectoryDecoder = (value: Uint8Array) => TrajectorySummary;

/**
 * The decoder of values that were written with `writerSchema` (Avro JSON). Make it once per schema id: resolving two schemas takes
 * milliseconds, decoding a value a few microseconds.
 * @throws TrajectoryCodecError if no value of that schema can be read as a summary
 */
export function createTrajectoryDecoder(writerSchema: string): TrajectoryDecoder {
  let writer: ReturnType<typeof recordType>;
  let resolver: ReturnType<typeof TRAJECTORY_TYPE.createResolver>;
  try {
    writer = recordType(writerSchema);
    resolver = TRAJECTORY_TYPE.createResolver(writer, { ignoreNamespaces: true });
  } catch (cause) {
    throw new TrajectoryCodecError(
      `values of this schema can't be read as trajectory summaries: ${explain(cause)}`,
      null,
      { cause, hint: "Compare the registered schema with schemas/trajectory_summary.avsc." },
    );
  }
  return (value) => {
    wireSchemaId(value);
    const bytes = Buffer.isBuffer(value)
      ? value
      : Buffer.from(value.buffer, value.byteOffset, value.length);
    let decoded: { value: TrajectorySummary; offset: number };
    try {
      decoded = TRAJECTORY_TYPE.decode(bytes, WIRE_HEADER_BYTES, resolver);
    } catch (cause) {
      throw undecodable(writer, bytes, cause);
    }
    if (decoded.offset !== bytes.length) throw undecodable(writer, bytes);
    return decoded.value;
  };
}

/**
 * The decoder for each schema id, made on first use. Failures are not cached, so a schema that is registered later makes the same
 * value readable.
 * @param writerSchema gives the schema (Avro JSON) that is registered under an id
 */
export function createTrajectoryDecoders(
  writerSchema: (schemaId: number) => Promise<string>,
): (schemaId: number) => Promise<TrajectoryDecoder> {
  const decoders = new Map<number, TrajectoryDecoder>();
  return async (schemaId) => {
    const known = decoders.get(schemaId);
    if (known !== undefined) return known;
    const decoder = createTrajectoryDecoder(await writerSchema(schemaId));
    decoders.set(schemaId, decoder);
    return decoder;
  };
}

/** The place where a value stops fitting the writer's schema, found by reading its fields one by one. */
function undecodable(
  writer: ReturnType<typeof recordType>,
  bytes: Buffer,
  cause?: unknown,
): TrajectoryCodecError {
  let at = WIRE_HEADER_BYTES;
  for (const { name, type } of writer.fields) {
    let end = -1;
    let reason = "the value ends inside it";
    try {
      end = type.decode(bytes, at).offset;
    } catch (error) {
      reason = explain(error);
    }
    if (end < 0) {
      const message = `${name}, at byte ${at} of ${bytes.length}: ${reason}`;
      return new TrajectoryCodecError(message, name, { cause });
    }
    at = end;
  }
  const reason = at < bytes.length
    ? `${bytes.length - at} bytes are left after its last field`
    : explain(cause);
  return new TrajectoryCodecError(`not a value of its schema: ${reason}`, null, { cause });
}
