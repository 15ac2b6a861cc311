import { describe, expect, test } from "vitest";
import { createOpenApiApp } from "../openapi.ts";
import { readAssets } from "./assets.ts";
import { addDashboardRoutes, DASHBOARD_CSP } from "./dashboard_routes.ts";
import { Problem, problemResponse } from "../problem.ts";

const assets = readAssets();
const app = createOpenApiApp();
addDashboardRoutes(app, () => {
  throw new Error("not asked");
});
app.onError((error, context) =>
  problemResponse(context, error instanceof Problem ? error.type : "internal", error.message)
);

describe("the dashboard's files", () => {
  test("every imported module and every file that the page names exists", () => {
    const names = new Set(assets.names);
    const missing: string[] = [];
    for (const name of names) {
      if (!name.endsWith(".js")) continue;
      const { body } = assets.get(name)!;
      for (
        const [, specifier] of body.matchAll(
          /(?:^|[;}])\s*(?:import|export)\b[^;`]*?\bfrom\s*"([^"\n]+)"/gm,
        )
      ) {
        const target = new URL(specifier!, `http://x/assets/${assets.version}/${name}`).pathname
          .slice(`/assets/${assets.version}/`.length);
        if (!/^[./]/.test(specifier!) || !names.has(target)) missing.push(`${name}: ${specifier}`);
      }
    }
    for (const [, path] of assets.index.body.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)) {
      if (!names.has(path!.split("/").slice(3).join("/"))) missing.push(path!);
    }
    expect(missing).toEqual([]);
    expect(names.size).toBeGreaterThan(30);
  });

  test("no module turns text into markup or code", () => {
    const wrong = assets.names.filter((name) =>
      name.endsWith(".js") && !name.startsWith("vendor/") &&
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/.test(
        assets.get(name)!.body,
      )
    );
    expect(wrong).toEqual([]);
  });

  test("the page is requested each time, its files are cached forever", async () => {
    const page = await app.request("/");
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("cache-control")).toBe("no-cache");
    expect(page.headers.get("content-security-policy")).toBe(DASHBOARD_CSP);
    const same = await app.request("/", {
      headers: { "if-none-match": page.headers.get("etag")! },
    });
    expect(same.status).toBe(304);

    const module = await app.request(`/assets/${assets.version}/main.js`);
    expect(module.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(module.headers.get("cache-control")).toContain("immutable");
    // A page that stayed open during an update.
    const old = await app.request("/assets/0123456789abcdef/main.js");
    expect(old.status).toBe(200);
    expect(old.headers.get("cache-control")).toBe("no-store");
  });

  test.each([
    "../dashboard_routes.ts",
    "..%2f..%2f..%2f..%2fdeno.json",
    "%2e%2e/assets.ts",
    "types.ts",
    "index.html",
    "vendor/../main.js",
    "//etc/passwd",
    "constructor",
  ])("nothing else is served: %s", async (name) => {
    const response = await app.request(`/assets/${assets.version}/${name}`);
    // The URL itself resolves dots in a path; the result names a listed file, or nothing.
    if (response.status === 200) expect(assets.names).toContain("main.js");
    else expect(response.status).toBe(404);
    expect(await response.text()).not.toContain("addDashboardRoutes");
  });

  test.each(["runs=0", "runs=61", "runs=x"])("the grid refuses ?%s", async (query) => {
    expect((await app.request(`/dashboard/grid?${query}`)).status).toBe(400);
  });
});

describe("outlines of the world", () => {
  test.each(["world-110m.json", "world-50m.json"])(
    "%s: lines without jumps over the map",
    (name) => {
      const { land, borders } = JSON.parse(assets.get(name)!.body) as {
        land: number[][];
        borders: number[][];
      };
      expect(land.length).toBeGreaterThan(100);
      const jumps = [...land, ...borders].flatMap((line) =>
        line.filter((lon, at) =>
          at % 2 === 0 && at > 0 && Math.abs(lon - line[at - 2]!) > 180 &&
          // Antarctica's edge along the pole, which a Mercator map does not show.
          Math.abs(line[at + 1]!) < 89
        )
      );
      expect(jumps).toEqual([]);
    },
  );
});
