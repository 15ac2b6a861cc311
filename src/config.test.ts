import { describe, expect, test } from "vitest";
import { PermanentError } from "@gmn/failures";
import { isLoopback, readConfig, SETTINGS, settingsHelp } from "./config.ts";

function problems(environment: Record<string, string>): string {
  try {
    readConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(PermanentError);
    return (error as Error).message;
  }
  return "";
}

describe("the configuration", () => {
  test("of an empty environment is all defaults: loopback, everything embedded, all roles", () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      httpHost: "127.0.0.1",
      httpPort: 8000,
      apiToken: null,
      broker: "auto",
      kafkaBrokers: null,
      databaseUrl: null,
      extractDays: 10,
      schedule: "0 1 * * *",
      gmnRequestInterval_ms: 10_000,
    });
    expect([...config.roles]).toEqual(["producer", "consumer", "http"]);
    expect(config.dataDirectory.startsWith("/")).toBe(true);
  });

  test("takes an empty variable for an unset one", () => {
    expect(readConfig({ HTTP_PORT: "", DATABASE_URL: " " })).toMatchObject({
      httpPort: 8000,
      databaseUrl: null,
    });
  });

  test.each([
    ["HTTP_PORT", "eighty"],
    ["HTTP_PORT", "70000"],
    ["HTTP_PORT", "-1"],
    ["METRICS_PORT", "nine"],
    ["KAFKA_BROKERS", "localhost"],
    ["SCHEMA_REGISTRY_URL", "localhost:8081"],
    ["DATABASE_URL", "mysql://x"],
    ["ROLES", "consumer,cook"],
    ["LOG_LEVEL", "loud"],
    ["EXTRACT_DAYS", "0"],
    ["GMN_REQUEST_INTERVAL_MS", "1.5"],
    ["BROKER", "carrier-pigeon"],
    ["REDPANDA_MEMORY", "lots"],
    ["KAFKA_TLS", "perhaps"],
    ["KAFKA_SASL_MECHANISM", "GSSAPI"],
    ["SCHEMA_REGISTRY_URL", "https://user:password@registry.example"],
    ["KAFKA_REPLICATION_FACTOR", "0"],
    ["KAFKA_MIN_INSYNC_REPLICAS", "two"],
    ["API_TOKEN", "short"],
    ["SCHEDULE", "never"],
    ["SCHEDULE", "every day"],
    ["SCHEDULE", "0 25 * * *"],
    ["SCHEDULE", "0 0 30 2 *"],
    ["SCHEDULE", "0 0 31 2 *"],
    ["SCHEDULE", "1 2"],
    ["GMN_DATA_URL", "ftp://globalmeteornetwork.org/"],
    ["GMN_DATA_URL", "http://"],
    ["IAU_SHOWER_URL", "ftp://example.org/list.txt"],
    ["IAU_SHOWER_URL", "https://"],
    ["IAU_SHOWER_URL", "file://elsewhere/list.txt"],
  ])("refuses %s=%s by name, with what is allowed", (name, value) => {
    expect(problems({ [name]: value })).toMatch(new RegExp(`${name}=.*: must be .{5,}`));
  });

  test("names all bad settings at once", () => {
    const message = problems({ HTTP_PORT: "x", LOG_LEVEL: "y" });
    expect(message).toContain("HTTP_PORT");
    expect(message).toContain("LOG_LEVEL");
  });

  test("never shows a secret, not even a bad one", () => {
    const message = problems({ API_TOKEN: "hunter2", DATABASE_URL: "postgre://me:hunter2@db/x" });
    expect(message).not.toContain("hunter2");
  });

  test.each([
    [{ HTTP_HOST: "0.0.0.0" }, /API_TOKEN must be set/],
    [{ BROKER: "external" }, /needs KAFKA_BROKERS/],
    [{ KAFKA_BROKERS: "a:9092" }, /needs SCHEMA_REGISTRY_URL/],
    [{ BROKER: "embedded", KAFKA_BROKERS: "a:9092" }, /contradicts KAFKA_BROKERS/],
    [{ HTTP_PORT: "9092" }, /KAFKA_PORT="9092": is HTTP_PORT's port too/],
    [{ METRICS_PORT: "8000" }, /METRICS_PORT="8000": is HTTP_PORT's port too/],
  ])("refuses settings that contradict each other: %j", (environment, message) => {
    expect(problems(environment as Record<string, string>)).toMatch(message);
  });

  test("lets metrics have the port of an API that this process does not serve, and any address", () => {
    const settings = { ROLES: "consumer", METRICS_PORT: "8000", METRICS_HOST: "0.0.0.0" };
    expect(readConfig(settings)).toMatchObject({ metricsPort: 8000, metricsHost: "0.0.0.0" });
    expect(readConfig({})).toMatchObject({ metricsPort: null, metricsHost: "127.0.0.1" });
  });

  test("lets several ports be 0: each takes a free one", () => {
    expect(
      problems({ HTTP_PORT: "0", KAFKA_PORT: "0", SCHEMA_REGISTRY_PORT: "0", POSTGRES_PORT: "0" }),
    ).toBe("");
  });

  test.each(["/srv/gmn", "./mirror", "C\\data", "file:///srv/gmn", "https://example.org/x/"])(
    "takes %s as a source",
    (source) => {
      expect(readConfig({ GMN_DATA_URL: source }).gmnDataUrl).toBe(source);
    },
  );

  test.each(["/srv/list.txt", "file:///srv/list.txt", "https://example.org/list{year}.txt"])(
    "takes %s as a shower list",
    (list) => {
      expect(readConfig({ IAU_SHOWER_URL: list }).iauShowerUrl).toBe(list);
    },
  );

  test("is wide open only with a token", () => {
    expect(readConfig({ HTTP_HOST: "0.0.0.0", API_TOKEN: "0123456789abcdef" }).httpHost).toBe(
      "0.0.0.0",
    );
  });

  test("help lists every setting", () => {
    for (const name of Object.keys(SETTINGS)) expect(settingsHelp()).toContain(name);
  });
});

test.each([
  ["127.0.0.1", true],
  ["127.9.9.9", true],
  ["localhost", true],
  ["::1", true],
  ["0.0.0.0", false],
  ["::", false],
  [
    "10.0.0.1",
    false,
  ],
])("%s is loopback: %s", (host, loopback) => {
  expect(isLoopback(host)).toBe(loopback);
});

describe("the settings of a broker that asks who is there", () => {
  const cluster = {
    KAFKA_BROKERS: "a.example:9093",
    SCHEMA_REGISTRY_URL: "https://registry.example",
  };

  test("are read", () => {
    const config = readConfig({
      ...cluster,
      KAFKA_TLS: "true",
      KAFKA_CA_FILE: "ca.pem",
      KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
      KAFKA_SASL_USER: "gmn",
      KAFKA_SASL_PASSWORD: "secret",
      SCHEMA_REGISTRY_TOKEN: "token",
    });
    expect(config.kafkaSecurity).toEqual({
      tls: true,
      caFile: "ca.pem",
      certFile: null,
      keyFile: null,
      sasl: { mechanism: "SCRAM-SHA-512", user: "gmn", password: "secret" },
    });
    expect(config.schemaRegistrySecurity).toEqual({ login: null, token: "token", caFile: null });
  });

  test.each<[Record<string, string>, RegExp]>([
    [{ ...cluster, KAFKA_CA_FILE: "ca.pem" }, /KAFKA_CA_FILE: needs KAFKA_TLS=true/],
    [{ ...cluster, KAFKA_TLS: "true", KAFKA_CERT_FILE: "c" }, /KAFKA_CERT_FILE: needs KAFKA_KEY/],
    [{ ...cluster, KAFKA_SASL_MECHANISM: "PLAIN" }, /KAFKA_SASL_MECHANISM: needs KAFKA_SASL_USER/],
    [{ ...cluster, KAFKA_SASL_PASSWORD: "secret" }, /KAFKA_SASL_PASSWORD: needs KAFKA_SASL_MECH/],
    [{ ...cluster, BROKER: "redpanda" }, /BROKER="redpanda": contradicts KAFKA_BROKERS/],
    [{ ...cluster, BROKER: "docker" }, /BROKER="docker": contradicts KAFKA_BROKERS/],
    [{ SCHEMA_REGISTRY_URL: "http://r.example" }, /SCHEMA_REGISTRY_URL: needs KAFKA_BROKERS/],
    [
      { ...cluster, SCHEMA_REGISTRY_TOKEN: "t", SCHEMA_REGISTRY_USER: "u" },
      /SCHEMA_REGISTRY_TOKEN: contradicts SCHEMA_REGISTRY_USER/,
    ],
  ])("%o is refused", (environment, message) => {
    expect(problems(environment)).toMatch(message);
    expect(problems(environment)).not.toContain("secret");
  });

  test("never show a password in an address", () => {
    const shown = problems({ ...cluster, SCHEMA_REGISTRY_URL: "https://u:pa55word@r.example" });
    expect(shown).toContain("SCHEMA_REGISTRY_PASSWORD");
    expect(shown).not.toContain("pa55word");
  });
});
