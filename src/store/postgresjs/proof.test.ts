import postgres from "postgres";
import { expect, test, vi } from "vitest";
import { hintOf, PermanentError } from "@gmn/failures";
import { unobserved } from "../../observe/observe.ts";
import { failingSocket } from "./no_reconnect.ts";
import { type ProvenDriver, provePostgresjs } from "./proof.ts";

const open = postgres as ProvenDriver["open"];
const VERSION = "3.4.9";

async function failureOf(driver: Partial<ProvenDriver>): Promise<string> {
  const error = await provePostgresjs({ open, version: VERSION, ...driver }).catch((thrown) =>
    thrown
  );
  expect(error).toBeInstanceOf(PermanentError);
  expect(hintOf(error)).toContain("deno task install");
  return (error as Error).message;
}

test("the installed driver passes", async () => {
  await provePostgresjs({ open, version: VERSION });
});

test("another version is refused, and the message has both versions", async () => {
  expect(await failureOf({ version: "3.5.0" }))
    .toMatch(/src\/store\/postgresjs .*expected postgres.js 3\.4\.9, found 3\.5\.0/);
});

test("a driver that stores its types elsewhere is refused", async () => {
  const moved: ProvenDriver["open"] = (url, options) =>
    Object.assign(open(url, options), { options: { typeTables: {} } });
  expect(await failureOf({ open: moved })).toMatch(/array_types\.ts .*with typeTables/);
});

test("a driver that rejects queries in another way is refused", async () => {
  const settled: ProvenDriver["open"] = (url, options) => {
    const sql = open(url, options);
    return Object.assign(sql, {
      unsafe: () => ({ reject: null, execute: () => Promise.reject(new Error("in its own way")) }),
    });
  };
  expect(await failureOf({ open: settled })).toMatch(/copy_in\.ts .*query\.reject/);
});

test("a driver that creates its own sockets is refused", async () => {
  const own: ProvenDriver["open"] = (url, options) =>
    open(url, { ...options, socket: () => failingSocket(new Error("by another socket")) });
  expect(await failureOf({ open: own })).toMatch(/no_reconnect\.ts .*one socket.*found 0/);
});

test("no driver is opened when the proof has failed", async () => {
  vi.resetModules();
  vi.doMock("postgres", () => ({
    default: (url: string, options: Record<string, unknown>) =>
      Object.assign(open(url, options), { options: {} }),
  }));
  const { openDriver } = await import("./driver.ts");
  const options = { url: "postgres://nobody@localhost/none", max: 1, applicationName: "test" };
  expect(() => openDriver({ ...options, observe: unobserved })).toThrow(/array_types\.ts/);
});
