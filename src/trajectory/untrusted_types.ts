/**
 * Avro types for values that other producers wrote, and faster ones for our own. avsc gets them through its `typeHook`.
 *
 * Arrays: avsc trusts an array's count. A flipped bit in a record makes it push nulls until memory runs out, which ends the
 * consumer, and again at every restart. Here a block can't have more items than there are bytes left (an item of ours has at
 * least its union branch).
 *
 * Doubles: a number that is not finite is null. Python producers write NaN where a value is missing, and an infinity is not a
 * measurement either (see `cell.ts`, which reads files the same way). Converting while the number is read costs nothing; going
 * through the 87 fields of a finished record costs a third of the decoding.
 *
 * Longs: avsc 5.7.9 accepts any safe integer, but its zigzag arithmetic doubles it, and beyond 2^52 the last bit is lost without an
 * error (as microseconds that is the year 2112). Here such a number is refused, both when writing and when reading.
 *
 * Nullable values: a value of `[null, T]` is null or a T, and the branch number is one byte, 0 or 2. avsc looks the branch up by
 * the name of the value's type and then writes the general form of a number. A row has 87 such values. Without the lookup, encoding
 * takes two thirds of the time.
 */
import avro from "avsc";

/** The parts that avsc's typings leave out: how a type reads and writes its value. */
interface Tap {
  readonly buf: Uint8Array;
  /** Goes beyond the end of `buf` when space or bytes run out: avsc checks that at the end. */
  pos: number;
  readLong(): number;
  writeLong(value: number): void;
  readFloat(): number;
  readDouble(): number;
}
interface Readable {
  _read(tap: Tap): unknown;
}
interface Writable {
  _write(tap: Tap, value: unknown): void;
}
interface Skippable {
  _skip(tap: Tap): void;
}

/** An array that reads and skips no more items than the bytes can hold. */
class BoundedArrayType extends avro.types.ArrayType {
  _read(this: { readonly itemsType: Readable }, tap: Tap): unknown[] {
    const items: unknown[] = [];
    forEachItem(tap, () => items.push(this.itemsType._read(tap)));
    return items;
  }

  _skip(this: { readonly itemsType: Skippable }, tap: Tap): void {
    forEachItem(tap, () => this.itemsType._skip(tap));
  }
}

/** Iterates over the blocks of an array: a count, its size in bytes if the count is negative, the items; then a zero. */
function forEachItem(tap: Tap, take: () => void): void {
  for (let count = tap.readLong(); count !== 0; count = tap.readLong()) {
    if (count < 0) {
      count = -count;
      tap.readLong();
    }
    if (count > tap.buf.length - tap.pos) {
      throw new RangeError(`an array of ${count} items in ${tap.buf.length - tap.pos} bytes`);
    }
    for (; count > 0; count--) take();
  }
}

const DOUBLE_BYTES = 8;
let viewed: Uint8Array = new Uint8Array(0);
let view = new DataView(viewed.buffer);

/** The bytes as a view. Thousands of values are written into one block, so the last view mostly fits. */
function viewOf(bytes: Uint8Array): DataView {
  if (bytes !== viewed) {
    viewed = bytes;
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  return view;
}

class FiniteDoubleType extends avro.types.DoubleType {
  _read(tap: Tap): number | null {
    return finiteOrNull(tap.readDouble());
  }

  _write(tap: Tap, value: unknown): void {
    if (typeof value !== "number") throw new TypeError(`invalid "double": ${String(value)}`);
    const at = tap.pos;
    tap.pos = at + DOUBLE_BYTES;
    if (tap.pos <= tap.buf.length) viewOf(tap.buf).setFloat64(at, value, true);
  }
}

/** Branch numbers of the two branches, as zigzag varints. */
const NULL_BRANCH = 0;
const VALUE_BRANCH = 2;

/** `[null, T]`: see the top of the file. */
class NullableType extends avro.types.UnwrappedUnionType {
  _write(this: NullableType & { readonly types: readonly Writable[] }, tap: Tap, value: unknown) {
    if (value === undefined) return SLOW_WRITE.call(this, tap, value);
    tap.buf[tap.pos++] = value === null ? NULL_BRANCH : VALUE_BRANCH;
    if (value !== null) this.types[1]!._write(tap, value);
  }
}

/** avsc's own method, which has an error message for impossible values. */
const { _write: SLOW_WRITE } = avro.types.UnwrappedUnionType.prototype as unknown as Writable;

class FiniteFloatType extends avro.types.FloatType {
  _read(tap: Tap): number | null {
    return finiteOrNull(tap.readFloat());
  }
}

function finiteOrNull(value: number): number | null {
  // Past the end of the bytes avsc reads `undefined`, and reports it when the record is done.
  return value - value === 0 ? value : null;
}

/** The largest integer that survives avsc's coding of a long. */
export const EXACT_LONG_MAX = 2 ** 52;

function isExactLong(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) &&
    Math.abs(value) <= EXACT_LONG_MAX;
}

class ExactLongType extends avro.types.LongType {
  _read(tap: Tap): number {
    const value = tap.readLong();
    if (!isExactLong(value)) throw new RangeError(`a long too large to be exact: ${value}`);
    return value;
  }

  _write(tap: Tap, value: unknown): void {
    if (!isExactLong(value)) throw new RangeError(`invalid long: ${value}`);
    tap.writeLong(value);
  }

  _check(value: unknown, _flags: unknown, hook?: (value: unknown, type: avro.Type) => void) {
    const valid = isExactLong(value);
    if (!valid) hook?.(value, this);
    return valid;
  }
}

type TypeOptions = ConstructorParameters<typeof avro.types.ArrayType>[1];

/** The type to read `schema` with; undefined for avsc's own. */
export function untrustedType(
  schema: Parameters<typeof avro.Type.forSchema>[0],
  options: TypeOptions,
): avro.Type | undefined {
  if (Array.isArray(schema)) {
    const isNullable = schema.length === 2 && schema[0] === "null";
    return isNullable ? new NullableType(schema, options) : undefined;
  }
  const name = typeof schema === "object" && "type" in schema ? schema.type : schema;
  switch (name) {
    case "array":
      return new BoundedArrayType(schema, options);
    case "long":
      return new ExactLongType();
    case "double":
      return new FiniteDoubleType();
    case "float":
      return new FiniteFloatType();
    default:
      return undefined;
  }
}
