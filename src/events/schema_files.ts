/** The checked-in Avro schemas, read from `schemas/`. */
import { readFileSync } from "node:fs";

const texts = new Map<string, string>();

/** The text of `schemas/<file>`, as checked in. Read once. */
export function schemaText(file: string): string {
  let text = texts.get(file);
  if (text === undefined) {
    text = readFileSync(new URL(`../../schemas/${file}`, import.meta.url), "utf8");
    texts.set(file, text);
  }
  return text;
}
