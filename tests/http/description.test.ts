/**
 * The API's description of itself: OpenAPI, the page that shows it, the pages of errors.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { PROBLEMS } from "../../src/http/problem.ts";
import { connectStore } from "../../src/store/connection.ts";
import { storedDoc } from "../../src/store/meteor_columns.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { TRAJECTORY_FIELDS } from "../../src/trajectory/schema.ts";
import { apiOn } from "./api.ts";

// No request of these tests reaches a database.
const nowhere = connectStore({
  url: "postgres://127.0.0.1:1/none",
  max: 1,
  applicationName: "test",
  observe: unobserved,
});
const api = apiOn(nowhere.sql);

interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, { responses: object; security?: object[] }>>;
  components: { schemas: Record<string, { properties: Record<string, { description: string }> }> };
}
const description = await api.json("/openapi.json") as OpenApi;

describe("/openapi.json", () => {
  test("is OpenAPI 3.1 and has every route except those of pages", () => {
    expect(description.openapi).toBe("3.1.0");
    const described = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`)
    );
    const isPage = /^\/($|assets|dashboard|docs|errors|favicon|openapi)/;
    const routes = api.app.routes
      .filter(({ method, path }) => method !== "ALL" && !path.includes("*") && !isPage.test(path))
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, "{$1}")}`);
    expect(described.toSorted()).toEqual([...new Set(routes)].toSorted());
  });

  test("says which calls need a token: exactly those that change something", () => {
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const [method, call] of Object.entries(methods)) {
        expect([path, call.security !== undefined]).toEqual([path, method !== "get"]);
      }
    }
  });

  test("describes a meteor with the Avro schema's texts, adapted to the tables", () => {
    const { properties } = description.components.schemas.Meteor!;
    for (const field of TRAJECTORY_FIELDS) {
      expect(properties[field.name]?.description).toContain(storedDoc(field));
    }
  });
});

describe("/docs", () => {
  test("loads nothing from elsewhere and runs nothing inline", async () => {
    const response = await api.get("/docs");
    const page = await response.text();
    expect(response.headers.get("content-security-policy")).toContain("script-src 'self'");
    expect(response.headers.get("content-security-policy")).not.toContain("unsafe");
    const loaded = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
    expect(loaded.length).toBe(3);
    for (const path of loaded) expect((await api.get(path)).status).toBe(200);
    expect(page).not.toMatch(/<script(?![^>]*src=)|<style|style=|onload=/);
  });

  test.each(["package.json", "..%2fpackage.json", "constructor", "swagger-ui-bundle.js.map"])(
    "has no file %s",
    async (name) => {
      expect((await api.get(`/docs/${name}`)).status).toBe(404);
    },
  );
});

describe("/errors/TYPE", () => {
  test("explains every type of problem, with its status", async () => {
    for (const [type, { status }] of Object.entries(PROBLEMS)) {
      const response = await api.get(`/errors/${type}`);
      expect(response.status).toBe(200);
      expect(await response.text()).toMatch(new RegExp(`^## ${type}\n\n${status}\\.`));
    }
  });

  test("explains no type that does not exist", () => {
    const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
    const sections = [...page.matchAll(/^## (\S+)$/gm)].map((match) => match[1]!);
    expect(sections.toSorted()).toEqual(Object.keys(PROBLEMS).toSorted());
  });

  test("is the page that a problem's type links to", async () => {
    const response = await api.get("/nope");
    const problem = await response.json();
    expect((await api.get(problem.type)).status).toBe(200);
    expect(problem.request_id).toBe(response.headers.get("x-request-id"));
  });
});

test("an unreachable database is 503 everywhere, not an internal error", async () => {
  for (
    const path of ["/meteors", "/meteors/x", "/statistics/nights", "/dead-letters", "/showers"]
  ) {
    const response = await api.get(path);
    expect([path, response.status]).toEqual([path, 503]);
    expect(response.headers.get("retry-after")).toBe("5");
  }
});

test("while the database is unreachable, /metrics has the counters", async () => {
  expect(await (await api.get("/metrics")).text()).toContain("gmn_rows_read_total 0");
});
