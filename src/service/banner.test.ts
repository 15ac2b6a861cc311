import { describe, expect, test } from "vitest";
import { banner } from "./banner.ts";

const SECRET = "dM3fJxW9";
const service = {
  addresses: {
    pid: 1,
    http: "http://127.0.0.1:8000",
    metrics: null,
    brokers: ["127.0.0.1:9092"],
    schemaRegistryUrl: "http://127.0.0.1:8081",
    databaseUrl: `postgres://gmn:${SECRET}@127.0.0.1:5433/gmn_data_store`,
  },
  describe: { broker: "embedded (BROKER=embedded)", database: "embedded PostgreSQL 18.4" },
};
const config = { dataDirectory: "/srv/data", databaseUrl: null, gmnDataUrl: "https://source" };

describe("the banner", () => {
  test("begins with the dashboard", () => {
    const lines = banner(service, config, { isTerminal: true }).split("\n");
    expect(lines[2]).toBe("  dashboard   http://127.0.0.1:8000/");
  });

  test("has the embedded database's full URL on a terminal", () => {
    expect(banner(service, config, { isTerminal: true })).toContain(service.addresses.databaseUrl);
  });

  test("has no password in a pipe, and says where to find it", () => {
    const text = banner(service, config, { isTerminal: false });
    expect(text).not.toContain(SECRET);
    expect(text).toContain("postgres://gmn:***@127.0.0.1:5433/gmn_data_store");
    expect(text).toContain("(whole in /srv/data/database.url)");
  });

  test("never has the password of an external database", () => {
    const own = { ...config, databaseUrl: service.addresses.databaseUrl };
    expect(banner(service, own, { isTerminal: true })).not.toContain(SECRET);
  });

  test("names no dashboard when there is none", () => {
    const without = { ...service, addresses: { ...service.addresses, http: null } };
    expect(banner(without, config, { isTerminal: true })).not.toContain("dashboard");
  });
});
