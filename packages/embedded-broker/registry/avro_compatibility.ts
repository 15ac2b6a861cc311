/**
 * Checks whether a reader with one Avro schema can read data written with another.
 *
 * avsc can do that (`createResolver` throws), but reports one reason without its location and resolves aliases, which
 * Redpanda does not. The rules are those of "Schema Resolution" in the specification
 * (https://avro.apache.org/docs/1.12.0/specification/). They are applied without any data, so "may fail for some
 * datum" counts as incompatible:
 *
 * - Primitives: the same, or promoted: int → long, float, double; long → float, double; float → double;
 *   string ↔ bytes.
 * - Records, enums and fixed: the same full name. Redpanda and Java compare full names too, where the specification
 *   requires only the last part.
 * - A record: every field of the reader is in the writer with a readable type, or has a default. Fields that only the
 *   writer has are skipped.
 * - An enum: every symbol of the writer is one of the reader's, or the reader has a default symbol.
 * - Fixed: the same size. Arrays and maps: readable items and values.
 * - A reader's union: each type that may occur must be fully readable by one of its branches.
 * - A writer's union: each branch may occur, so the reader must be able to read every one.
 * - Aliases are not resolved: the specification makes them optional, and a schema accepted here must be accepted by Redpanda.
 * - Logical types, docs, orders and the writer's defaults change nothing.
 *
 * A recursive type is compatible if no reason is found: a pair of types counts as readable while its parts are
 * compared.
 */
import avro from "avsc";

/** The location of a comparison. */
interface Place {
  /** JSON pointer into the reader's schema; for a union's branch, the index is the writer's. */
  readonly path: string;
  /** The enclosing field and its record, if any. */
  readonly field: { readonly record: string; readonly name: string } | undefined;
}

/** One reason why the reader can't read the data. */
export interface Incompatibility extends Place {
  readonly type: keyof typeof sentences;
  /** What was found or expected: names, sizes, types, symbols. */
  readonly info: string;
}

/** All reasons why `reader` can't read what `writer` wrote; none where it can. */
export function checkAvroCompatibility(reader: avro.Type, writer: avro.Type): Incompatibility[] {
  return new Check().compare(reader, writer, { path: "", field: undefined });
}

const { ArrayType, EnumType, FixedType, MapType, RecordType, WrappedUnionType } = avro.types;
type RecordType = avro.types.RecordType;
type EnumType = avro.types.EnumType;
type FixedType = avro.types.FixedType;

/** The other kinds that each kind may be promoted to. */
const promotions: Readonly<Record<string, readonly string[]>> = {
  int: ["long", "float", "double"],
  long: ["float", "double"],
  float: ["double"],
  string: ["bytes"],
  bytes: ["string"],
};

const aliasUnused = " (an alias would match, but aliases are not resolved)";

const under = (place: Place, key: string): Place => ({ ...place, path: `${place.path}/${key}` });

class Check {
  /** The reasons per pair of records, by their names; `undefined` while the pair is being compared. */
  readonly #verdicts = new Map<string, Incompatibility[] | undefined>();
  /** The pairs in the order in which their comparisons started. */
  readonly #order: string[] = [];

  compare(reader: avro.Type, writer: avro.Type, place: Place): Incompatibility[] {
    if (reader instanceof WrappedUnionType) return this.#readerUnion(reader.types, writer, place);
    if (writer instanceof WrappedUnionType) {
      return writer.types.flatMap((branch) => this.compare(reader, branch, place));
    }
    if (reader instanceof RecordType && writer instanceof RecordType) {
      return this.#records(reader, writer, place);
    }
    if (reader instanceof EnumType && writer instanceof EnumType) {
      return this.#enums(reader, writer, place);
    }
    if (reader instanceof FixedType && writer instanceof FixedType) {
      return this.#fixed(reader, writer, place);
    }
    if (reader instanceof ArrayType && writer instanceof ArrayType) {
      return this.compare(reader.itemsType, writer.itemsType, under(place, "items"));
    }
    if (reader instanceof MapType && writer instanceof MapType) {
      return this.compare(reader.valuesType, writer.valuesType, under(place, "values"));
    }
    const [to, from] = [kindOfType(reader), kindOfType(writer)];
    if (to === from || promotions[from]?.includes(to)) return [];
    const info = `reader type: ${label(reader)} not compatible with writer type: ${label(writer)}`;
    return [{ type: "TYPE_MISMATCH", ...place, info }];
  }

  #readerUnion(branches: avro.Type[], writer: avro.Type, place: Place): Incompatibility[] {
    const isUnion = writer instanceof WrappedUnionType;
    const coming = isUnion ? writer.types : [writer];
    return coming.flatMap((type, index): Incompatibility[] => {
      if (branches.some((branch) => this.#canRead(branch, type, place))) return [];
      const at = isUnion ? under(place, `${index}`) : place;
      const info = `reader union lacking writer type: ${label(type)}`;
      return [{ type: "MISSING_UNION_BRANCH", ...at, info }];
    });
  }

  /** Called for every pair of branches, so it returns early when names differ. */
  #canRead(reader: avro.Type, writer: avro.Type, place: Place): boolean {
    if (reader.name !== undefined && writer.name !== undefined && reader.name !== writer.name) {
      return false;
    }
    return this.compare(reader, writer, place).length === 0;
  }

  #records(reader: RecordType, writer: RecordType, place: Place): Incompatibility[] {
    const pair = `${reader.name} ${writer.name}`;
    // A pair is reported once in full; when it occurs again, one reason is enough.
    if (this.#verdicts.has(pair)) return this.#verdicts.get(pair)?.slice(0, 1) ?? [];
    this.#verdicts.set(pair, undefined);
    const position = this.#order.push(pair);
    const writerFields = new Map(writer.fields.map((field) => [field.name, field.type]));
    const reasons = [
      ...checkNames(reader, writer, place),
      ...reader.fields.flatMap((field, index) => {
        const at = { record: reader.name ?? "", name: field.name };
        const path = `${place.path}/fields/${index}`;
        return this.#field(field, writerFields, { path, field: at });
      }),
    ];
    this.#verdicts.set(pair, reasons);
    // Pairs found readable in the meantime may have relied on this one. If it is not readable, they are compared again.
    if (reasons.length > 0) this.#forgetReadableSince(position);
    return reasons;
  }

  #field(
    field: avro.types.Field,
    writerFields: ReadonlyMap<string, avro.Type>,
    place: Place,
  ): Incompatibility[] {
    const match = writerFields.get(field.name);
    if (match !== undefined) return this.compare(field.type, match, under(place, "type"));
    // A default of null counts, too.
    if (field.defaultValue() !== undefined) return [];
    const hasAlias = field.aliases.some((name) => writerFields.has(name));
    const info = hasAlias ? field.name + aliasUnused : field.name;
    return [{ type: "READER_FIELD_MISSING_DEFAULT_VALUE", ...place, info }];
  }

  #enums(reader: EnumType, writer: EnumType, place: Place): Incompatibility[] {
    const reasons = checkNames(reader, writer, place);
    // avsc has this property, but its type declarations do not.
    if ((reader as { default?: string }).default !== undefined) return reasons;
    const symbols = new Set(reader.symbols);
    const missing = writer.symbols.filter((symbol) => !symbols.has(symbol));
    if (missing.length === 0) return reasons;
    const info = `[${missing.join(", ")}]`;
    return [...reasons, { type: "MISSING_ENUM_SYMBOLS", ...under(place, "symbols"), info }];
  }

  #fixed(reader: FixedType, writer: FixedType, place: Place): Incompatibility[] {
    const reasons = checkNames(reader, writer, place);
    if (reader.size === writer.size) return reasons;
    const info = `expected: ${writer.size}, found: ${reader.size}`;
    return [...reasons, { type: "FIXED_SIZE_MISMATCH", ...under(place, "size"), info }];
  }

  #forgetReadableSince(position: number): void {
    for (const pair of this.#order.splice(position)) {
      if (this.#verdicts.get(pair)?.length === 0) this.#verdicts.delete(pair);
      else this.#order.push(pair);
    }
  }
}

function checkNames(reader: avro.Type, writer: avro.Type, place: Place): Incompatibility[] {
  const name = writer.name ?? "";
  if (reader.name === name) return [];
  const info = reader.aliases?.includes(name) ? name + aliasUnused : name;
  return [{ type: "NAME_MISMATCH", ...under(place, "name"), info: `expected: ${info}` }];
}

/** avsc calls an error record "error" and a custom long "abstract:long". */
function kindOfType({ typeName }: avro.Type): string {
  return typeName === "error" ? "record" : typeName.replace("abstract:", "");
}

function label(type: avro.Type): string {
  const kind = kindOfType(type).toUpperCase();
  return type.name === undefined ? kind : `${kind} ${type.name}`;
}

const sentences = {
  NAME_MISMATCH: (path: string) => `The name of the schema has changed (path '${path}')`,
  FIXED_SIZE_MISMATCH: (path: string) =>
    `The size of FIXED type field at path '${path}' in the {reader} schema does not match with the {writer} schema`,
  MISSING_ENUM_SYMBOLS: (path: string, info: string) =>
    `The {reader} schema is missing enum symbols '${info}' at path '${path}' in the {writer} schema`,
  READER_FIELD_MISSING_DEFAULT_VALUE: (path: string, info: string) =>
    `The field '${info}' at path '${path}' in the {reader} schema has no default value and is missing in the {writer} schema`,
  TYPE_MISMATCH: (path: string) =>
    `The type (path '${path}') of a field in the {reader} schema does not match with the {writer} schema`,
  MISSING_UNION_BRANCH: (path: string) =>
    `The {reader} schema is missing a type inside a union field at path '${path}' in the {writer} schema`,
};

/**
 * Describes one reason in Redpanda's words (`schema_registry/compatibility.cc`), and adds the field's name, because the path has
 * only its index. `reader` and `writer` name the schemas: "new" and "old", or the reverse.
 */
export function describeIncompatibility(
  reason: Incompatibility,
  reader: string,
  writer: string,
): string {
  const path = reason.path === "" ? "/" : reason.path;
  const description = sentences[reason.type](path, reason.info)
    .replace("{reader}", reader)
    .replace("{writer}", writer);
  const field = reason.field === undefined
    ? ""
    : `, field: '${reason.field.name}' of '${reason.field.record}'`;
  return `{errorType:'${reason.type}', description:'${description}', additionalInfo:'${reason.info}'${field}}`;
}
