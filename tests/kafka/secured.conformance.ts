/**
 * The whole service on an Apache Kafka that lets nobody in unasked: TLS with an authority of its own, SASL in each mechanism, a
 * client certificate; and a registry behind TLS and a login.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PermanentError, retry } from "@gmn/failures";
import { readConfig } from "../../src/config.ts";
import { createKafka } from "../../src/events/kafka_client.ts";
import { proveRoundTrip } from "../../src/events/log_round_trip.ts";
import { createObserver, unobserved } from "../../src/observe/observe.ts";
import { readLogAccess } from "../../src/service/log_access.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { type SecuredRegistry, startSecuredRegistry } from "../support/secured_registry.ts";
import { startTestService } from "../support/service.ts";
import { type ApacheKafka, freePorts, startApacheKafka } from "./apache_kafka.ts";

const USER = "gmn";
const PASSWORD = "s3cret-and-never-logged";

let folder: string;
let certificates: Certificates;
let kafka: ApacheKafka;
let registry: SecuredRegistry;
/** Brokers by listener. */
let secured: string;
let mutual: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-secured-"));
  certificates = await makeCertificates(folder);
  [secured, mutual] = (await freePorts(2)).map((port) => `127.0.0.1:${port}`) as [string, string];
  kafka = await startApacheKafka({
    listeners: [`SECURED://${secured}`, `MUTUAL://${mutual}`],
    scram: ["256", "512"].map((bits) => `SCRAM-SHA-${bits}=[name=${USER},password=${PASSWORD}]`),
    properties: await securityProperties(certificates),
  });
  const credentials = Buffer.from(`${USER}:${PASSWORD}`).toString("base64");
  registry = await startSecuredRegistry(certificates, `Basic ${credentials}`);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await kafka.stop();
  await rm(folder, { recursive: true, force: true });
});

async function securityProperties(
  { caFile, server, read }: Certificates,
): Promise<Record<string, string>> {
  const oneLine = async (file: string) => (await read(file)).trim().replaceAll("\n", "\\n");
  const login = (kind: string, more = "") =>
    `org.apache.kafka.common.security.${kind} required${more};`;
  return {
    "listener.security.protocol.map":
      "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL,MUTUAL:SSL",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.key": await oneLine(server.keyFile),
    "ssl.keystore.certificate.chain": await oneLine(server.certFile),
    "ssl.truststore.type": "PEM",
    "ssl.truststore.certificates": await oneLine(caFile),
    "listener.name.mutual.ssl.client.auth": "required",
    "listener.name.secured.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "listener.name.secured.plain.sasl.jaas.config": login(
      "plain.PlainLoginModule",
      ` user_${USER}="${PASSWORD}"`,
    ),
    "listener.name.secured.scram-sha-256.sasl.jaas.config": login("scram.ScramLoginModule"),
    "listener.name.secured.scram-sha-512.sasl.jaas.config": login("scram.ScramLoginModule"),
  };
}

const tls = () => ({
  BROKER: "external",
  KAFKA_TLS: "true",
  KAFKA_CA_FILE: certificates.caFile,
  SCHEMA_REGISTRY_URL: registry.url,
  SCHEMA_REGISTRY_CA_FILE: certificates.caFile,
  SCHEMA_REGISTRY_USER: USER,
  SCHEMA_REGISTRY_PASSWORD: PASSWORD,
});
const sasl = (mechanism: string, password = PASSWORD) => ({
  ...tls(),
  KAFKA_BROKERS: secured,
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_SASL_USER: USER,
  KAFKA_SASL_PASSWORD: password,
});

/** A record through the log and back, with these settings; gives what was said meanwhile. */
async function roundTrip(environment: Record<string, string>): Promise<string> {
  const config = readConfig(environment);
  const { kafka: access } = await readLogAccess(config);
  const observer = createObserver();
  let said = "";
  observer.listen((event) => said += JSON.stringify(event.detail));
  const client = createKafka(
    { brokers: config.kafkaBrokers!, clientId: "test", ...access },
    observer.observe,
  );
  // As a start does it: what is not there yet (the first group's coordinator) is asked for again.
  await retry(() => proveRoundTrip(client, AbortSignal.timeout(30_000)), {
    backoff: { base_ms: 200, cap_ms: 1_000, attempts: 3 },
  });
  return said;
}

test.each(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])("%s gets in", async (mechanism) => {
  await roundTrip(sasl(mechanism));
});

test("a client certificate gets in, and nobody without one", async () => {
  const { certFile, keyFile } = certificates.client;
  const environment = { ...tls(), KAFKA_BROKERS: mutual };
  await roundTrip({ ...environment, KAFKA_CERT_FILE: certFile, KAFKA_KEY_FILE: keyFile });
  await expect(roundTrip(environment)).rejects.toThrow(/through the log and back/);
});

describe("who is not let in", () => {
  test.each(["PLAIN", "SCRAM-SHA-512"])("%s with a wrong password is final", async (mechanism) => {
    const error = await roundTrip(sasl(mechanism, "wr0ng-and-never-logged")).catch((thrown) =>
      thrown
    );
    expect(error).toBeInstanceOf(PermanentError);
    expect(`${error} ${error.hint}`).toMatch(/SASL/);
    expect(String(error)).not.toContain("never-logged");
  });

  test("a broker whose authority is not known is not trusted", async () => {
    const { KAFKA_CA_FILE: _, ...environment } = sasl("PLAIN");
    await expect(roundTrip(environment)).rejects.toThrow(/certificate|issuer/i);
  });

  test("a client that speaks no TLS", async () => {
    const client = createKafka({ brokers: [secured], clientId: "test" }, unobserved);
    await expect(proveRoundTrip(client, AbortSignal.timeout(30_000))).rejects.toThrow();
  });
});

test("the whole service: a run is loaded, and no secret is said", async () => {
  await using whole = await startTestService({ environment: sasl("SCRAM-SHA-512") });
  const run = await whole.run("/extract", { days: 366 });
  expect(run).toMatchObject({ state: "completed", rows: { loaded: run.rows.published } });
  expect(run.rows.published).toBeGreaterThan(0);
  const status = await (await whole.api("/status")).text();
  expect(JSON.parse(status)).toMatchObject({
    parts: { broker: { ready: true }, registry: { ready: true } },
  });
  const said = JSON.stringify(
    whole.events,
    (_, value) => typeof value === "bigint" ? String(value) : value,
  );
  expect(said + status).not.toContain(PASSWORD);
});
