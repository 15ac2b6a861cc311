/**
 * Checks JSON against a schema of an OpenAPI 3.1 document: it must match, and have no property that the schema does not name.
 */

/** The part of JSON Schema that the API's description uses. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
}

/** The mismatches, each with its path; empty when there are none. `components` are the document's schemas. */
export function faultsOf(
  value: unknown,
  schema: JsonSchema,
  components: Readonly<Record<string, JsonSchema>>,
  path = "$",
): string[] {
  const again = (value: unknown, schema: JsonSchema, at = path) =>
    faultsOf(value, schema, components, at);
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace("#/components/schemas/", "");
    const referred = components[name];
    return referred === undefined ? [`${path}: no schema ${name}`] : again(value, referred);
  }
  if (schema.allOf !== undefined) throw new Error(`${path}: allOf is not known to this check`);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) {
    const faults = choices.map((choice) => again(value, choice));
    return faults.some((one) => one.length === 0) ? [] : [`${path}: none of ${faults.join(" | ")}`];
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    return [`${path}: ${JSON.stringify(value)} is none of ${schema.enum.join(", ")}`];
  }
  if ("const" in schema && schema.const !== value) return [`${path}: is not ${schema.const}`];
  const types = [schema.type ?? []].flat();
  if (types.length > 0 && !types.some((type) => isOf(value, type))) {
    return [`${path}: ${JSON.stringify(value)} is no ${types.join(" or ")}`];
  }
  if (Array.isArray(value)) {
    if (schema.items === undefined) return [`${path}: items without a schema`];
    return value.flatMap((item, at) => again(item, schema.items!, `${path}[${at}]`));
  }
  if (typeof value !== "object" || value === null) return [];
  const { properties = {}, required = [], additionalProperties } = schema;
  return [
    ...required.filter((key) => !(key in value)).map((key) => `${path}: lacks ${key}`),
    ...Object.entries(value).flatMap(([key, one]) => {
      const of = properties[key] ??
        (typeof additionalProperties === "object" ? additionalProperties : undefined);
      return of === undefined
        ? [`${path}: ${key} is not in the schema`]
        : again(one, of, `${path}.${key}`);
    }),
  ];
}

function isOf(value: unknown, type: string): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "string":
      return typeof value === "string";
    case "number":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
    default:
      throw new Error(`the schema has the type ${type}, which JSON Schema does not know`);
  }
}
