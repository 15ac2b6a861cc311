/**
 * JSON whose numbers keep the digits they were written with.
 *
 * A schema may hold a default such as `9223372036854775807`, which as a JavaScript number becomes ...808, or `1.0`, which
 * becomes 1. The registry must return the exact schema and find it again, so numbers stay raw JSON text, which
 * `JSON.stringify` writes unchanged.
 */

/** A JSON number as it was written. */
interface RawNumber {
  readonly rawJSON: string;
}

export type ExactJson =
  | null
  | boolean
  | string
  | RawNumber
  | readonly ExactJson[]
  | { readonly [key: string]: ExactJson };

export type ExactJsonObject = { readonly [key: string]: ExactJson };

// TypeScript's library does not know these parts of JSON yet (ECMA-262, JSON.parse source text access).
const exact = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source: string }) => unknown,
  ): ExactJson;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
};

/**
 * Limit of nested objects and arrays. A nested record takes three levels, and real schemas stay below thirty. All code that
 * walks over a schema is recursive, and this limit prevents a stack overflow.
 */
const MAX_NESTING = 200;

/** Parses JSON. @throws SyntaxError when the text is not JSON or is nested too deeply */
export function parseExactJson(text: string): ExactJson {
  if (nestingOf(text) > MAX_NESTING) {
    throw new SyntaxError(`nested more than ${MAX_NESTING} levels deep`);
  }
  return exact.parse(
    text,
    (_key, value, { source }) => typeof value === "number" ? exact.rawJSON(source) : value,
  );
}

/** The nesting depth of brackets and braces outside strings. For text that is not JSON, any number. */
function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString && character === "\\") at++;
    else if (character === '"') inString = !inString;
    else if (inString) continue;
    else if (character === "[" || character === "{") deepest = Math.max(deepest, ++depth);
    else if (character === "]" || character === "}") depth--;
  }
  return deepest;
}

/** Whether a JSON value is an object. */
export function isObject(json: unknown): json is ExactJsonObject {
  return typeof json === "object" && json !== null && !isArray(json) && !exact.isRawJSON(json);
}

/** Whether a JSON value is an array. */
export function isArray(json: unknown): json is readonly ExactJson[] {
  return Array.isArray(json);
}

/** Describes a JSON value in a few words, for an error message. */
export function kindOf(json: unknown): string {
  if (json === undefined) return "nothing";
  if (exact.isRawJSON(json)) return `the number ${shorten(json.rawJSON, SHOWN_CHARACTERS)}`;
  if (typeof json === "number") return `the number ${json}`;
  if (typeof json === "string") return `the string "${shorten(json, SHOWN_CHARACTERS)}"`;
  if (isArray(json)) return "an array";
  return isObject(json) ? "an object" : `${json}`;
}

/** Long enough to recognise a name, short enough for one line of a log. */
const SHOWN_CHARACTERS = 60;

/** The text, or its first characters and an ellipsis. */
export function shorten(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters)}…`;
}
