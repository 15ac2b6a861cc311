import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { href, routeOf } from "./router.js";

describe("addresses", () => {
  test("parts and query; empty values are left out", () => {
    expect(href(["runs"])).toBe("#/runs");
    expect(href(["runs", "a/b"], { file: "daily/x.txt", before: null, after: "" }))
      .toBe("#/runs/a%2Fb?file=daily%2Fx.txt");
  });

  test("empty and mistyped addresses", () => {
    expect(routeOf("").parts).toEqual([]);
    expect(routeOf("#/").parts).toEqual([]);
    expect(routeOf("#meteors//x").parts).toEqual(["meteors", "x"]);
    expect(routeOf("#/runs/%E0%A4%A").parts).toEqual(["runs", "%E0%A4%A"]);
  });

  test("a place survives the round trip", () => {
    const text = fc.string({ unit: "grapheme", minLength: 1 });
    fc.assert(fc.property(fc.array(text), fc.dictionary(text, text), (parts, query) => {
      const route = routeOf(href(parts, query));
      expect(route.parts).toEqual(parts);
      expect([...route.query]).toEqual(Object.entries(query));
    }));
  });
});
