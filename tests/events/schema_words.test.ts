/** An upgrade changes a schema's texts: that is a new version in the registry, compatible with everything on the log. */
import avro from "avsc";
import { afterAll, expect, test } from "vitest";
import { schemaText } from "../../src/events/schema_files.ts";
import { createSchemaRegistry } from "../../src/events/schema_registry.ts";
import { ALL_TOPICS, valueSubject } from "../../src/events/topics.ts";
import { createValueCodec } from "../../src/events/wire_values.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { wire } from "../support/foreign_producer.ts";
import { startRegistryServer } from "@gmn/embedded-broker/testing";

const server = startRegistryServer();
afterAll(() => server.stop());

/** The schema as in an earlier version: every text differs. */
function otherWords(text: string): string {
  return JSON.stringify(JSON.parse(text), (key, value) => key === "doc" ? `Once: ${value}` : value);
}

test.each(ALL_TOPICS.map((topic) => [topic.name, topic] as const))(
  "%s: registered next to the previous version, whose records can be read",
  async (_, topic) => {
    const before = otherWords(schemaText(topic.schemaFile));
    const subject = `${server.url}/subjects/${valueSubject(topic)}/versions`;
    const answer = await fetch(subject, {
      method: "POST",
      headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
      body: JSON.stringify({ schema: before }),
    });
    const { id: idBefore } = await answer.json() as { id: number };

    const registry = createSchemaRegistry({ url: server.url, clientId: "test" }, unobserved);
    const id = (await registry.register([topic])).get(topic.name)!;
    expect(id).not.toBe(idBefore);
    expect(await (await fetch(subject)).json()).toEqual([1, 2]);
    // The next start registers no new version.
    expect((await registry.register([topic])).get(topic.name)).toBe(id);

    const writer = avro.Type.forSchema(JSON.parse(before));
    const value = writer.random();
    const read = createValueCodec(topic).decode(
      wire(idBefore, writer.toBuffer(value)),
      await registry.writerSchema(idBefore),
    );
    expect(read).toEqual(value);
  },
);
