/**
 * The embedded schema registry as others use it, over HTTP: Python's confluent-kafka with its Avro serializers,
 * @kafkajs/confluent-schema-registry, and curl for what is on the wire.
 *
 * Apache Kafka has no registry: `deno task test:kafka` puts the same one beside it, so that there, too, it is only these
 * clients that are new.
 */
import { describe, expect, inject, test, type TestContext } from "vitest";
import { SchemaRegistry, SchemaType } from "@kafkajs/confluent-schema-registry";
import { lastLine, runCommand } from "../install/command.ts";
import "../provided.ts";

const { schemaRegistryUrl: url } = inject("brokerUnderTest");
const { python } = inject("installedClients");
const PYTHON_CHECKS = new URL("./confluent_kafka_registry.py", import.meta.url).pathname;
const CONTENT_TYPE = "application/vnd.schemaregistry.v1+json";

/** A record whose name no other test uses, so that its id is its own. */
function schemaOf(name: string, more: object[] = []) {
  const fields = [{ name: "id", type: "string" }, ...more];
  return { type: "record" as const, name, fields };
}

test(`the schema registry client of ${python.label}`, async (context: TestContext) => {
  if ("missing" in python) return context.skip(python.missing);
  const result = await runCommand(python.python, [PYTHON_CHECKS, url]);
  expect(result).toEqual({ ok: true, output: expect.stringContaining("ok check_deletes") });
});

test("@kafkajs/confluent-schema-registry registers, encodes, decodes and is refused", async () => {
  const client = () => new SchemaRegistry({ host: url, retry: { retries: 0 } });
  const register = (more: object[]) =>
    client().register(
      { type: SchemaType.AVRO, schema: JSON.stringify(schemaOf("Stroll", more)) },
      { subject: "stroll-value" },
    );
  const { id } = await register([]);
  expect(await register([])).toEqual({ id });
  const message = await client().encode(id, { id: "a" });
  expect(message.readInt32BE(1)).toBe(id);
  expect(await client().decode(message)).toMatchObject({ id: "a" });
  await expect(register([{ name: "km", type: "double" }])).rejects.toThrow(/km/);
  expect((await register([{ name: "km", type: "double", default: 0 }])).id).not.toBe(id);
});

describe("curl", async () => {
  const { ok, output } = await runCommand("curl", ["--version"]);
  const missing = ok ? null : lastLine(output);

  interface Answer {
    readonly status: number;
    readonly type: string;
    readonly body: unknown;
  }

  async function curl(method: string, path: string, ...args: string[]): Promise<Answer> {
    const { output } = await runCommand("curl", [
      ...["-s", "-S", "-X", method, `${url}${path}`],
      ...["-w", "\n%{http_code} %{content_type}"],
      ...args,
    ]);
    const [body, last] = output.split(/\n(?=[^\n]*$)/) as [string, string];
    const [status, type] = last.split(" ") as [string, string];
    return { status: Number(status), type, body: body === "" ? null : JSON.parse(body) };
  }
  const send = (body: unknown, type = CONTENT_TYPE): string[] => [
    ...["-H", `content-type: ${type}`, "-d", JSON.stringify(body)],
  ];
  const schema = (name: string, more: object[] = []) => ({
    schema: JSON.stringify(schemaOf(name, more)),
  });

  const check = (name: string, body: () => Promise<void>): void =>
    test(name, async (context: TestContext) => {
      if (missing !== null) return context.skip(missing);
      await body();
    });

  check("registers and reads back", async () => {
    const versions = "/subjects/hike-value/versions";
    const registered = await curl("POST", versions, ...send(schema("Hike")));
    expect(registered).toMatchObject({ status: 200, type: CONTENT_TYPE });
    const { id } = registered.body as { id: number };
    expect((await curl("GET", versions)).body).toEqual([1]);
    expect((await curl("GET", `${versions}/latest`)).body).toMatchObject({
      subject: "hike-value",
      version: 1,
      id,
      schema: JSON.stringify(schemaOf("Hike")),
    });
    expect((await curl("GET", `/schemas/ids/${id}`)).body).toMatchObject(schema("Hike"));
  });

  check("gets 404, 409 and 422 with their codes and reasons", async () => {
    expect(await curl("GET", "/subjects/nobody/versions")).toMatchObject({
      status: 404,
      body: { error_code: 40401, message: expect.stringContaining("nobody") },
    });
    expect(await curl("GET", "/schemas/ids/987654")).toMatchObject({
      status: 404,
      body: { error_code: 40403 },
    });
    const versions = "/subjects/ride-value/versions";
    await curl("POST", versions, ...send(schema("Ride")));
    const breaking = schema("Ride", [{ name: "km", type: "double" }]);
    expect(await curl("POST", versions, ...send(breaking))).toMatchObject({
      status: 409,
      body: { error_code: 409, message: expect.stringContaining("km") },
    });
    expect(await curl("POST", versions, ...send({ schema: '{"type":"nonsense"}' }))).toMatchObject({
      status: 422,
      body: { error_code: 422 },
    });
  });

  check("is answered in the type it accepts, and refused other types than JSON", async () => {
    const accept = ["-H", "accept: application/json"];
    expect((await curl("GET", "/subjects", ...accept)).type).toBe("application/json");
    expect((await curl("GET", "/subjects", "-H", "accept: text/html")).status).toBe(406);
    const asForm = send(schema("Run"), "application/x-www-form-urlencoded");
    expect((await curl("POST", "/subjects/run-value/versions", ...asForm)).status).toBe(415);
  });
});
