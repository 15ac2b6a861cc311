/**
 * The registry client the application uses, over real HTTP: it finds what it registers, and every schema of
 * `schemas/` can be registered and read.
 */
import { readdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { COMPATIBILITY, SchemaRegistry, SchemaType } from "@kafkajs/confluent-schema-registry";
import { type RegistryServer, startRegistryServer } from "../tests/testing/registry_server.ts";

const schemas = new URL("../../../schemas/", import.meta.url);

let server: RegistryServer;
/** Without retries, so that a 5xx is not hidden; each call creates a client with an empty cache. */
const client = () => new SchemaRegistry({ host: server.url, retry: { retries: 0 } });

beforeEach(() => {
  server = startRegistryServer();
});
afterEach(() => server.stop());

/** A record schema in the form that the client's types require. */
interface WalkSchema {
  type: "record";
  name: string;
  fields: { name: string; type: string; default?: number }[];
}

const avro = (schema: unknown) => ({
  type: SchemaType.AVRO as const,
  schema: JSON.stringify(schema),
});
const V1: WalkSchema = { type: "record", name: "Walk", fields: [{ name: "id", type: "string" }] };
const V2: WalkSchema = {
  ...V1,
  fields: [...V1.fields, { name: "km", type: "double", default: 0 }],
};
const broken: WalkSchema = { ...V1, fields: [...V1.fields, { name: "km", type: "double" }] };

test("registers and encodes, and another client decodes", async () => {
  const { id } = await client().register(avro(V1), { subject: "walk-value" });
  const message = await client().encode(id, { id: "a" });
  expect(message.readInt32BE(1)).toBe(id);
  expect(await client().decode(message)).toEqual({ id: "a" });
});

test("every schema of the application registers, repeatedly with the same id", async () => {
  const files = readdirSync(schemas).filter((file) => file.endsWith(".avsc"));
  expect(files.length).toBeGreaterThan(1);
  for (const file of files) {
    const schema = readFileSync(new URL(file, schemas), "utf8");
    const sent = { type: SchemaType.AVRO as const, schema };
    const options = { subject: `${file}-value`, compatibility: COMPATIBILITY.BACKWARD };
    const first = await client().register(sent, options);
    const again = await client().register(sent, options);
    expect(again).toEqual(first);
    expect(await client().getLatestSchemaId(`${file}-value`)).toBe(first.id);
    expect(await client().getRegistryIdBySchema(`${file}-value`, sent)).toBe(first.id);
    const got = await client().getSchema(first.id);
    expect(got.isValid).toBeTypeOf("function");
  }
});

test("a second version reads the first one's data; a breaking one is refused with the field's name", async () => {
  const first = await client().register(avro(V1), { subject: "walk-value" });
  const second = await client().register(avro(V2), { subject: "walk-value" });
  expect(second.id).toBe(first.id + 1);
  expect(await client().getRegistryId("walk-value", 1)).toBe(first.id);
  const old = await client().encode(first.id, { id: "a" });
  const read = await client().decode(old, { [SchemaType.AVRO]: { readerSchema: V2 } });
  expect({ ...read }).toEqual({ id: "a", km: 0 });
  await expect(client().register(avro(broken), { subject: "other-value" })).resolves.toBeDefined();
  const breaking = { ...V2, fields: [...V2.fields, { name: "start", type: "string" }] };
  await expect(client().register(avro(breaking), { subject: "walk-value" }))
    .rejects.toMatchObject({ status: 409, message: expect.stringContaining("field 'start'") });
});

test("references are refused, with the reason", async () => {
  await client().register(avro(V1), { subject: "walk" });
  const walks = { type: "record", name: "Walks", fields: [{ name: "first", type: "Walk" }] };
  const references = [{ name: "Walk", subject: "walk", version: 1 }];
  await expect(client().register({ ...avro(walks), references }, { subject: "walks" }))
    .rejects.toMatchObject({
      status: 422,
      message: expect.stringContaining("references are left out"),
    });
});

test("missing subjects and schemas are 404", async () => {
  await expect(client().getSchema(77)).rejects.toMatchObject({ status: 404 });
  await expect(client().getLatestSchemaId("nothing")).rejects.toMatchObject({ status: 404 });
});
