/**
 * Compatibility over HTTP: what each level accepts, and the reasons that a client gets.
 */
import { beforeEach, describe, expect, test } from "vitest";
import {
  error,
  first,
  openTestRegistry,
  sent,
  withDefault,
  withoutDefault,
} from "../tests/registry_calls.ts";

let registry: ReturnType<typeof openTestRegistry>;
beforeEach(() => {
  registry = openTestRegistry();
});

describe("compatibility when registering", () => {
  test("a schema that can't read the latest is refused, with the field and the reason", async () => {
    await registry.register("a", first);
    expect(await registry.post("/subjects/a/versions", sent(withoutDefault))).toEqual(error(
      409,
      409,
      `Schema being registered is incompatible with an earlier schema for subject "a", details: ` +
        `[{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'f2' at path ` +
        `'/fields/1' in the new schema has no default value and is missing in the old schema', ` +
        `additionalInfo:'f2', field: 'f2' of 'Walk'}, {oldSchemaVersion: 1}, ` +
        `{oldSchema: '${JSON.stringify(first)}'}, {compatibility: 'BACKWARD'}]`,
    ));
  });

  // first, withDefault, withoutDefault: each step is BACKWARD compatible, but both steps together are not.
  const steps: [level: string, third: unknown, status: number][] = [
    ["NONE", { type: "fixed", name: "Other", size: 1 }, 200],
    ["BACKWARD", withoutDefault, 200],
    ["BACKWARD_TRANSITIVE", withoutDefault, 409],
    ["FORWARD", withoutDefault, 200],
    ["FORWARD_TRANSITIVE", withoutDefault, 200],
    ["FULL", withoutDefault, 200],
    ["FULL_TRANSITIVE", withoutDefault, 409],
    ["FORWARD", { type: "record", name: "Walk", fields: [] }, 409],
    ["BACKWARD", { type: "record", name: "Walk", fields: [] }, 200],
  ];
  for (const [level, third, status] of steps) {
    test(`${level}: ${JSON.stringify(third)} is ${status}`, async () => {
      await registry.put("/config", { compatibility: level });
      await registry.register("a", first);
      await registry.register("a", withDefault);
      expect(await registry.post("/subjects/a/versions", sent(third))).toMatchObject({ status });
    });
  }

  test("FORWARD_TRANSITIVE checks all versions", async () => {
    // Each reads the next one's data, but the first does not read the third's.
    await registry.put("/config/a", { compatibility: "FORWARD" });
    await registry.register("a", withoutDefault);
    await registry.register("a", withDefault);
    expect(await registry.post("/compatibility/subjects/a/versions/latest", sent(first)))
      .toMatchObject({ body: { is_compatible: true } });
    await registry.put("/config/a", { compatibility: "FORWARD_TRANSITIVE" });
    expect(await registry.post("/subjects/a/versions", sent(first))).toEqual(error(
      409,
      409,
      expect.stringContaining("in the old schema has no default value and is missing in the new"),
    ));
  });

  test("softly deleted versions do not count", async () => {
    await registry.register("a", first);
    await registry.delete("/subjects/a/versions/1");
    expect(await registry.register("a", { type: "fixed", name: "Other", size: 1 })).toBe(2);
  });
});

describe("checking compatibility", () => {
  const ask = (version: string | number, schema: unknown, query = "") =>
    registry.post(`/compatibility/subjects/a/versions/${version}${query}`, sent(schema));

  test("with and without reasons", async () => {
    await registry.register("a", first);
    expect(await ask(1, withDefault)).toEqual({ status: 200, body: { is_compatible: true } });
    expect(await ask(1, withoutDefault)).toEqual({ status: 200, body: { is_compatible: false } });
    expect(await ask("latest", withDefault, "?verbose=true"))
      .toEqual({ status: 200, body: { is_compatible: true, messages: [] } });
    const { body } = await ask("latest", withoutDefault, "?verbose=true");
    expect(body).toEqual({
      is_compatible: false,
      messages: [
        expect.stringContaining("READER_FIELD_MISSING_DEFAULT_VALUE"),
        "{oldSchemaVersion: 1}",
        `{oldSchema: '${JSON.stringify(first)}'}`,
        "{compatibility: 'BACKWARD'}",
      ],
    });
    expect(await registry.get("/subjects/a/versions"), "nothing was registered")
      .toMatchObject({ body: [1] });
  });

  test("with a missing version, or an invalid schema", async () => {
    expect(await ask("latest", first)).toEqual(error(404, 40401));
    await registry.register("a", first);
    expect(await ask(2, first)).toEqual(error(404, 40402));
    expect(await ask("-1", first)).toEqual(error(422, 42202));
    expect(await ask(1, "strnig")).toEqual(error(422, 422));
    expect(await ask(1, "strnig", "?verbose=true"))
      .toEqual(error(422, 422, expect.stringContaining("undefined type name: strnig")));
  });

  test("an older version is compared together with all later ones", async () => {
    await registry.put("/config/a", { compatibility: "NONE" });
    await registry.register("a", withoutDefault);
    await registry.register("a", first);
    await registry.put("/config/a", { compatibility: "BACKWARD" });
    const other = { ...withoutDefault, doc: "the first again" };
    expect((await ask(1, other)).body).toEqual({ is_compatible: false });
  });
});
