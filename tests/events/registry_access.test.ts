/**
 * Authentication at a registry: user and password or a token, over TLS with a private certificate authority.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "@gmn/engines";
import { hintOf, PermanentError, TransientError } from "@gmn/failures";
import { createSchemaRegistry, type RegistryConnection } from "../../src/events/schema_registry.ts";
import { TOPICS } from "../../src/events/topics.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { type SecuredRegistry, startSecuredRegistry } from "../support/secured_registry.ts";

const BASIC = { user: "gmn", password: "pässword: with a colon" };
const TOKEN = { token: "a.bearer.token" };

let folder: string;
let certificates: Certificates;
let basic: SecuredRegistry;
let bearer: SecuredRegistry;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-registry-"));
  certificates = await makeCertificates(folder);
  const { user, password } = BASIC;
  const credentials = Buffer.from(`${user}:${password}`).toString("base64");
  basic = await startSecuredRegistry(certificates, `Basic ${credentials}`);
  bearer = await startSecuredRegistry(certificates, `Bearer ${TOKEN.token}`);
});
afterAll(async () => {
  await basic[Symbol.asyncDispose]();
  await bearer[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function connect(url: string, access: Partial<RegistryConnection>) {
  const ca = await certificates.read(certificates.caFile);
  return createSchemaRegistry({ url, clientId: "test", ca, ...access }, unobserved);
}

test("user and password", async () => {
  const registry = await connect(basic.url, { authorization: BASIC });
  await registry.ping();
  const ids = await registry.register(TOPICS);
  expect(ids.size).toBe(TOPICS.length);
  expect(await registry.writerSchema(ids.get(TOPICS[0]!.name)!)).toContain(`"name"`);
});

test("a token", async () => {
  const registry = await connect(bearer.url, { authorization: TOKEN });
  await registry.ping();
  expect((await registry.register(TOPICS)).size).toBe(TOPICS.length);
});

test("a wrong password is a permanent error, and names the settings to check", async () => {
  const registry = await connect(basic.url, { authorization: { ...BASIC, password: "wrong" } });
  await expect(registry.ping()).rejects.toThrow(/HTTP 401/);
  const error = await registry.register(TOPICS).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PermanentError);
  expect(hintOf(error)).toContain("SCHEMA_REGISTRY_PASSWORD");
  expect(String(error)).not.toContain("wrong");
});

test("an unknown authority is an error, and not trusted", async () => {
  const registry = createSchemaRegistry(
    { url: basic.url, clientId: "test", authorization: BASIC },
    unobserved,
  );
  const error = await registry.ping().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TransientError);
  expect((error as Error).message).toMatch(/certificate|issuer/i);
});

test("a registry that does not answer is retried; one that refuses is not", async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const registry = createSchemaRegistry({ url, clientId: "test" }, unobserved);
  for (const ask of [() => registry.writerSchema(7), () => registry.register(TOPICS)]) {
    const error = await ask().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TransientError);
    expect((error as Error).message).toContain("ECONNREFUSED");
  }
  const answers = [
    [400, { error_code: 400, message: "no such thing" }],
    [200, { schema: `"string"` }],
  ] as const;
  let asked = 0;
  const server = createServer((_, response) => {
    const [status, body] = answers[asked++]!;
    response.writeHead(status, { "content-type": "application/vnd.schemaregistry.v1+json" });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  try {
    await expect(registry.writerSchema(7)).rejects.toBeInstanceOf(PermanentError);
    expect(await registry.writerSchema(7)).toBe(`"string"`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
