/**
 * JSON whose numbers keep the digits they were written with.
 *
 * A schema may hold a default such as `9223372036854775807`, which a JavaScript number turns into ...808. The registry
 * must hand back the schema it was given, so numbers are carried as their source text.
 */

/** A JSON number: its text as written, and the JavaScript number nearest to it. */
export class ExactNumber {
  readonly value: number;
  constructor(readonly text: string) {
    this.value = Number(text);
  }
}

export type ExactJson =
  | null
  | boolean
  | string
  | ExactNumber
  | readonly ExactJson[]
  | { readonly [key: string]: ExactJson };

export type ExactJsonObject = { readonly [key: string]: ExactJson };

// TypeScript's library does not know the third argument of a reviver yet (ECMA-262, JSON.parse source text access).
type SourceReviver = (key: string, value: unknown, context: { source: string }) => unknown;
const parseWithSource = JSON.parse as (text: string, reviver: SourceReviver) => ExactJson;

/**
 * Objects and arrays inside each other. A nested record costs three levels and real schemas stay below thirty; what
 * walks over a schema does so by recursion, and this keeps it on the stack.
 */
const MAX_NESTING = 200;

/** Parses JSON. Throws a `SyntaxError` where it is none or is nested too deeply. */
export function parseExactJson(text: string): ExactJson {
  if (nestingOf(text) > MAX_NESTING) {
    throw new SyntaxError(`nested more than ${MAX_NESTING} levels deep`);
  }
  return parseWithSource(
    text,
    (_key, value, { source }) => typeof value === "number" ? new ExactNumber(source) : value,
  );
}

/** How deep brackets and braces go, those inside strings aside. Of text that is not JSON, any number. */
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

/** JSON text without white space, numbers as they were written. */
export function writeExactJson(json: ExactJson): string {
  if (json instanceof ExactNumber) return json.text;
  if (isArray(json)) return `[${json.map(writeExactJson).join(",")}]`;
  if (isObject(json)) {
    const members = Object.entries(json)
      .map(([key, value]) => `${JSON.stringify(key)}:${writeExactJson(value)}`);
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(json);
}

export function isObject(json: ExactJson | undefined): json is ExactJsonObject {
  return typeof json === "object" && json !== null && !isArray(json) &&
    !(json instanceof ExactNumber);
}

export function isArray(json: ExactJson | undefined): json is readonly ExactJson[] {
  return Array.isArray(json);
}

/** A member of an object, `undefined` where it has none of its own. */
export function member(json: ExactJsonObject, key: string): ExactJson | undefined {
  return Object.hasOwn(json, key) ? json[key] : undefined;
}

/** What a JSON value is, in words for an error message. */
export function kindOf(json: ExactJson | undefined): string {
  if (json === undefined) return "nothing";
  if (json === null) return "null";
  if (json instanceof ExactNumber) return `the number ${shorten(json.text)}`;
  if (isArray(json)) return "an array";
  if (typeof json === "string") return `the string "${shorten(json)}"`;
  return isObject(json) ? "an object" : `${json}`;
}

/** Long enough to recognise a name, short enough for one line of a log. */
const SHOWN_CHARACTERS = 60;

function shorten(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
