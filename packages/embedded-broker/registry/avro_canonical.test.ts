/**
 * The stored form of a schema: which schemas are equal, and that nothing a reader needs is lost.
 */
import { describe, expect, test } from "vitest";
import { canonicalText } from "./avro_canonical.ts";

describe("canonical text", () => {
  const cases: Record<string, [sent: string, stored: string]> = {
    "white space is removed": ['{ "type" :\n"int" }', '{"type":"int"}'],
    "a primitive stays as written, name or object": ['"string"', '"string"'],
    "a type's attributes are sorted": [
      '{"fields":[],"doc":"d","name":"R","custom":1,"type":"record"}',
      '{"type":"record","name":"R","doc":"d","fields":[],"custom":1}',
    ],
    "a field's attributes are sorted": [
      '{"type":"record","name":"R","fields":[{"default":1,"type":"int","doc":"d","name":"f"}]}',
      '{"type":"record","name":"R","fields":[{"name":"f","type":"int","doc":"d","default":1}]}',
    ],
    "a full name is split into name and namespace": [
      '{"type":"fixed","name":"a.b.F","size":1}',
      '{"type":"fixed","name":"F","namespace":"a.b","size":1}',
    ],
    "a full name overrides the namespace": [
      '{"type":"fixed","name":"a.F","namespace":"z","size":1}',
      '{"type":"fixed","name":"F","namespace":"a","size":1}',
    ],
    "a namespace equal to the enclosing one is removed": [
      '{"type":"record","name":"a.R","fields":[{"name":"f","type":{"type":"fixed","name":"F","namespace":"a","size":1}}]}',
      '{"type":"record","name":"R","namespace":"a","fields":[{"name":"f","type":{"type":"fixed","name":"F","size":1}}]}',
    ],
    "an empty namespace has an effect inside, but not at the top": [
      '{"type":"record","name":"R","namespace":"","fields":[]}',
      '{"type":"record","name":"R","fields":[]}',
    ],
    "an empty namespace inside stays": [
      '{"type":"array","items":{"type":"record","name":"a.R","fields":[{"name":"f","type":{"type":"fixed","namespace":"","name":"F","size":1}}]}}',
      '{"type":"array","items":{"type":"record","name":"R","namespace":"a","fields":[{"name":"f","type":{"type":"fixed","name":"F","namespace":"","size":1}}]}}',
    ],
    "a union's branches become canonical and keep their order": [
      '["null", {"size":1, "name":"F", "type":"fixed"}]',
      '["null",{"type":"fixed","name":"F","size":1}]',
    ],
    "numbers keep their digits": [
      '{"type":"record","name":"R","fields":[{"name":"f","type":"long","default":9223372036854775807},{"name":"g","type":"double","default":1.50}]}',
      '{"type":"record","name":"R","fields":[{"name":"f","type":"long","default":9223372036854775807},{"name":"g","type":"double","default":1.50}]}',
    ],
    "a default's own attributes are unchanged": [
      '{"type":"record","name":"R","fields":[{"name":"f","type":{"type":"map","values":"int"},"default":{"type":1,"name":2}}]}',
      '{"type":"record","name":"R","fields":[{"name":"f","type":{"type":"map","values":"int"},"default":{"type":1,"name":2}}]}',
    ],
    "names that JavaScript objects have are kept": [
      '{"type":"record","name":"R","__proto__":{"a":1},"fields":[]}',
      '{"type":"record","name":"R","fields":[],"__proto__":{"a":1}}',
    ],
    "characters are kept": [
      '{"type":"int","doc":"\\u0000 é \\ud800"}',
      '{"type":"int","doc":"\\u0000 é \\ud800"}',
    ],
  };
  for (const [name, [sent, stored]] of Object.entries(cases)) {
    test(name, () => {
      expect(canonicalText(sent)).toBe(stored);
      expect(canonicalText(stored), "canonical text is its own canonical text").toBe(stored);
    });
  }
});
