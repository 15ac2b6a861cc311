/**
 * PostgreSQL's arrays as the driver sends and receives them: one-dimensional, in text form (documentation, "Array Input and Output
 * Syntax").
 *
 * Upstream, in 3.4.9: src/connection.js (`fetchArrayTypes`) queries the server's array types on each new connection. When the
 * connection breaks during that query, the rejection is unhandled, which ends the process. The oids of built-in types never
 * change (pg_type.dat), so they are written down here, and the query is disabled (`fetch_types: false`).
 */

/** Array types by the oid of the array and of its element. */
export const ARRAY_TYPES: readonly { readonly array: number; readonly element: number }[] = [
  { array: 1000, element: 16 }, // bool
  { array: 1003, element: 19 }, // name
  { array: 1005, element: 21 }, // int2
  { array: 1007, element: 23 }, // int4
  { array: 1009, element: 25 }, // text
  { array: 1015, element: 1043 }, // varchar
  { array: 1016, element: 20 }, // int8
  { array: 1021, element: 700 }, // float4
  { array: 1022, element: 701 }, // float8
  { array: 1028, element: 26 }, // oid
  { array: 1185, element: 1184 }, // timestamptz
  { array: 1231, element: 1700 }, // numeric
  { array: 2951, element: 2950 }, // uuid
];

/** The tables in the driver's options that its connections use. */
export interface DriverTables {
  readonly parsers: Record<number, (text: string) => unknown>;
  readonly serializers: Record<number, (value: unknown) => string>;
  readonly shared: { readonly typeArrayMap: Record<number, number> };
}

/**
 * Adds what the driver would add after querying the server's types.
 * @param options the driver's `sql.options`, whose typing has only the caller's own types
 */
export function addArrayTypes(options: unknown): void {
  const { parsers, serializers, shared } = options as DriverTables;
  for (const { array, element } of ARRAY_TYPES) {
    const parse = parsers[element] ?? ((text: string) => text);
    const serialize = serializers[element] ?? String;
    parsers[array] = (text) => parseArray(text, parse);
    serializers[array] = (values) => serializeArray(values as readonly unknown[], serialize);
    shared.typeArrayMap[element] = array;
  }
}

/** The text form of an array; `serialize` gives the text form of an element. */
export function serializeArray(
  values: readonly unknown[],
  serialize: (value: unknown) => string,
): string {
  const elements = values.map((value) =>
    value === null || value === undefined
      ? "NULL"
      : `"${serialize(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`
  );
  return `{${elements.join(",")}}`;
}

/** An element: quoted, with backslashes before quotes and backslashes; or bare, up to the comma. */
const ELEMENT = /"((?:[^"\\]|\\.)*)"|([^,{}]+)/gs;

/** The elements of an array's text form; `parse` converts the text form of an element. */
export function parseArray(text: string, parse: (element: string) => unknown): unknown[] {
  // An array whose lower bound is not 1 starts with its bounds: [0:1]={a,b}.
  const body = text.slice(text.indexOf("{") + 1, -1);
  return [...body.matchAll(ELEMENT)].map(([, quoted, bare]) =>
    quoted !== undefined
      ? parse(quoted.replaceAll(/\\(.)/gs, "$1"))
      : bare === "NULL"
      ? null
      : parse(bare ?? "")
  );
}
