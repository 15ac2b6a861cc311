/**
 * Can a reader with one Avro schema read what was written with another?
 *
 * The rules are those of "Schema Resolution" in the specification (https://avro.apache.org/docs/1.12.0/specification/),
 * judged before any data is there, so "may fail for some datum" counts as incompatible:
 *
 * - Primitives: the same, or promoted: int → long, float, double; long → float, double; float → double;
 *   string ↔ bytes.
 * - Records, enums and fixed: the same full name. Redpanda and Java compare full names too, where the specification
 *   would let the last part do.
 * - A record: every field of the reader is in the writer with a readable type, or has a default. What only the writer
 *   has is skipped.
 * - An enum: every symbol of the writer is one of the reader's, or the reader has a default symbol.
 * - Fixed: the same size. Arrays and maps: readable items and values.
 * - A reader's union: each type that may come must be readable by one of its branches, wholly.
 * - A writer's union: each branch may come, so the reader must be able to read every one.
 * - Logical types change nothing. Neither do docs, orders and the writer's defaults and aliases.
 * - Aliases of the reader stand for names of the writer, when asked for: the specification makes them optional.
 *
 * A recursive type is compatible if nothing speaks against it: a pair of types that is being compared is taken as
 * readable while its parts are looked at.
 */
import type {
  AvroSchema,
  EnumSchema,
  FixedSchema,
  NamedSchema,
  PrimitiveKind,
  RecordField,
  RecordSchema,
  UnionSchema,
} from "./avro_schema.ts";

export type IncompatibilityType =
  | "NAME_MISMATCH"
  | "FIXED_SIZE_MISMATCH"
  | "MISSING_ENUM_SYMBOLS"
  | "READER_FIELD_MISSING_DEFAULT_VALUE"
  | "TYPE_MISMATCH"
  | "MISSING_UNION_BRANCH";

/** One reason why the reader can't read. */
export interface Incompatibility {
  readonly type: IncompatibilityType;
  /** JSON pointer into the reader's schema; of a union's branch, the index is the writer's. */
  readonly path: string;
  /** The field it is in and the record that has it, if it is in one. */
  readonly field: { readonly record: string; readonly name: string } | undefined;
  /** What was found, or expected: names, sizes, types, symbols. */
  readonly info: string;
}

/**
 * `resolve`: an alias of the reader matches a name of the writer. `ignore`: it does not, as in Redpanda, whose Avro
 * library does not know aliases; the reason then says that an alias was there.
 */
export type AliasRule = "resolve" | "ignore";

/** All reasons why `reader` can't read what `writer` wrote; none where it can. */
export function checkAvroCompatibility(
  reader: AvroSchema,
  writer: AvroSchema,
  aliases: AliasRule,
): Incompatibility[] {
  return new Check(aliases).compare(reader, writer, { path: "", field: undefined });
}

/** What each kind may be promoted to, the same kind aside. */
const promotions: Partial<Record<PrimitiveKind, readonly AvroSchema["kind"][]>> = {
  int: ["long", "float", "double"],
  long: ["float", "double"],
  float: ["double"],
  string: ["bytes"],
  bytes: ["string"],
};

const aliasUnused = " (an alias would match, but aliases are not resolved)";

interface Place {
  readonly path: string;
  readonly field: Incompatibility["field"];
}

const under = (place: Place, key: string): Place => ({ ...place, path: `${place.path}/${key}` });

/** What is known of a pair of records: `undefined` reasons while it is being compared. */
interface Verdict {
  readonly reader: RecordSchema;
  readonly writer: RecordSchema;
  reasons: Incompatibility[] | undefined;
}

class Check {
  readonly #aliases: AliasRule;
  /** Per pair of records, in the order in which the comparisons began. */
  readonly #verdicts = new Map<RecordSchema, Map<RecordSchema, Verdict>>();
  readonly #order: Verdict[] = [];

  constructor(aliases: AliasRule) {
    this.#aliases = aliases;
  }

  compare(reader: AvroSchema, writer: AvroSchema, place: Place): Incompatibility[] {
    if (reader.kind === "union") return this.#readerUnion(reader, writer, place);
    if (writer.kind === "union") {
      return writer.branches.flatMap((branch) => this.compare(reader, branch, place));
    }
    if (reader.kind === "record" && writer.kind === "record") {
      return this.#records(reader, writer, place);
    }
    if (reader.kind === "enum" && writer.kind === "enum") {
      return this.#enums(reader, writer, place);
    }
    if (reader.kind === "fixed" && writer.kind === "fixed") {
      return this.#fixed(reader, writer, place);
    }
    if (reader.kind === "array" && writer.kind === "array") {
      return this.compare(reader.items, writer.items, under(place, "items"));
    }
    if (reader.kind === "map" && writer.kind === "map") {
      return this.compare(reader.values, writer.values, under(place, "values"));
    }
    if (reader.kind === writer.kind || isPromoted(writer.kind, reader.kind)) return [];
    const info = `reader type: ${label(reader)} not compatible with writer type: ${label(writer)}`;
    return [{ type: "TYPE_MISMATCH", ...place, info }];
  }

  #readerUnion(reader: UnionSchema, writer: AvroSchema, place: Place): Incompatibility[] {
    const coming = writer.kind === "union" ? writer.branches : [writer];
    return coming.flatMap((branch, index): Incompatibility[] => {
      if (reader.branches.some((own) => this.#canRead(own, branch, place))) return [];
      const at = writer.kind === "union" ? under(place, `${index}`) : place;
      const info = `reader union lacking writer type: ${label(branch)}`;
      return [{ type: "MISSING_UNION_BRANCH", ...at, info }];
    });
  }

  /** Asked of every branch against every other, so names that differ must end it early. */
  #canRead(reader: AvroSchema, writer: AvroSchema, place: Place): boolean {
    if ("name" in reader && "name" in writer && !this.#isNamed(reader, writer)) return false;
    return this.compare(reader, writer, place).length === 0;
  }

  #records(reader: RecordSchema, writer: RecordSchema, place: Place): Incompatibility[] {
    const known = this.#verdicts.get(reader)?.get(writer);
    // Told once in full; where the same pair is met again, one reason is enough.
    if (known !== undefined) return known.reasons?.slice(0, 1) ?? [];
    const verdict: Verdict = { reader, writer, reasons: undefined };
    const begun = this.#order.length;
    this.#remember(verdict);
    const writerFields = new Map(writer.fields.map((field) => [field.name, field]));
    const reasons = [
      ...this.#names(reader, writer, place),
      ...reader.fields.flatMap((field, index) => {
        const at = { record: reader.name, name: field.name };
        const path = `${place.path}/fields/${index}`;
        return this.#field(field, writerFields, { path, field: at });
      }),
    ];
    verdict.reasons = reasons;
    // What was found readable meanwhile may have leaned on this pair being readable: if it is not, ask again.
    if (reasons.length > 0) this.#forgetReadableSince(begun + 1);
    return reasons;
  }

  #field(
    field: RecordField,
    writer: ReadonlyMap<string, RecordField>,
    place: Place,
  ): Incompatibility[] {
    const alias = field.aliases.find((name) => writer.has(name));
    const aliased = alias === undefined ? undefined : writer.get(alias);
    const match = writer.get(field.name) ?? (this.#aliases === "resolve" ? aliased : undefined);
    if (match !== undefined) return this.compare(field.type, match.type, under(place, "type"));
    if (field.default !== undefined) return [];
    const info = aliased === undefined ? field.name : field.name + aliasUnused;
    return [{ type: "READER_FIELD_MISSING_DEFAULT_VALUE", ...place, info }];
  }

  #enums(reader: EnumSchema, writer: EnumSchema, place: Place): Incompatibility[] {
    const reasons = this.#names(reader, writer, place);
    if (reader.default !== undefined) return reasons;
    const missing = [...writer.symbols].filter((symbol) => !reader.symbols.has(symbol));
    if (missing.length === 0) return reasons;
    const info = `[${missing.join(", ")}]`;
    return [...reasons, { type: "MISSING_ENUM_SYMBOLS", ...under(place, "symbols"), info }];
  }

  #fixed(reader: FixedSchema, writer: FixedSchema, place: Place): Incompatibility[] {
    const reasons = this.#names(reader, writer, place);
    if (reader.size === writer.size) return reasons;
    const info = `expected: ${writer.size}, found: ${reader.size}`;
    return [...reasons, { type: "FIXED_SIZE_MISMATCH", ...under(place, "size"), info }];
  }

  #names(reader: NamedSchema, writer: NamedSchema, place: Place): Incompatibility[] {
    if (this.#isNamed(reader, writer)) return [];
    const info = writer.name + (reader.aliases.includes(writer.name) ? aliasUnused : "");
    return [{ type: "NAME_MISMATCH", ...under(place, "name"), info: `expected: ${info}` }];
  }

  #isNamed(reader: NamedSchema, writer: NamedSchema): boolean {
    if (reader.name === writer.name) return true;
    return this.#aliases === "resolve" && reader.aliases.includes(writer.name);
  }

  #remember(verdict: Verdict): void {
    let ofReader = this.#verdicts.get(verdict.reader);
    if (ofReader === undefined) this.#verdicts.set(verdict.reader, ofReader = new Map());
    ofReader.set(verdict.writer, verdict);
    this.#order.push(verdict);
  }

  #forgetReadableSince(position: number): void {
    for (const verdict of this.#order.splice(position)) {
      if (verdict.reasons?.length === 0) {
        this.#verdicts.get(verdict.reader)?.delete(verdict.writer);
      } else {
        this.#order.push(verdict);
      }
    }
  }
}

function isPromoted(from: AvroSchema["kind"], to: AvroSchema["kind"]): boolean {
  return promotions[from as PrimitiveKind]?.includes(to) ?? false;
}

function label(schema: AvroSchema): string {
  const kind = schema.kind.toUpperCase();
  return "name" in schema ? `${kind} ${schema.name}` : kind;
}

const sentences: Record<IncompatibilityType, (path: string, info: string) => string> = {
  NAME_MISMATCH: (path) => `The name of the schema has changed (path '${path}')`,
  FIXED_SIZE_MISMATCH: (path) =>
    `The size of FIXED type field at path '${path}' in the {reader} schema does not match with the {writer} schema`,
  MISSING_ENUM_SYMBOLS: (path, info) =>
    `The {reader} schema is missing enum symbols '${info}' at path '${path}' in the {writer} schema`,
  READER_FIELD_MISSING_DEFAULT_VALUE: (path, info) =>
    `The field '${info}' at path '${path}' in the {reader} schema has no default value and is missing in the {writer} schema`,
  TYPE_MISMATCH: (path) =>
    `The type (path '${path}') of a field in the {reader} schema does not match with the {writer} schema`,
  MISSING_UNION_BRANCH: (path) =>
    `The {reader} schema is missing a type inside a union field at path '${path}' in the {writer} schema`,
};

/**
 * One reason as Redpanda words it (`schema_registry/compatibility.cc`), with the field's name added where the path has
 * only its index. `reader` and `writer` say which schema is which: "new" and "old", or the other way round.
 */
export function tellIncompatibility(
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
