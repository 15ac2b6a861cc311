import { describe, expect, test } from "vitest";
import {
  editionInWords,
  readShippedShowers,
  shippedEdition,
  shippedShowers,
  shippedSource,
} from "./shipped_showers.ts";

describe("the shipped list", () => {
  const { edition, showers } = shippedShowers();

  test("is that of November 2021, with 973 showers and no number twice", () => {
    expect(editionInWords(edition)).toBe("November 2021");
    expect(showers).toHaveLength(973);
    expect(new Set(showers.map(({ number }) => number)).size).toBe(973);
    expect(new Set(showers.map(({ code }) => code)).size).toBe(973);
  });

  test.each([
    [4, "GEM", "Geminids"],
    [7, "PER", "Perseids"],
    // NAN is a shower, not a missing value.
    [showers.find(({ code }) => code === "NAN")?.number, "NAN", expect.any(String)],
  ])("has %s %s", (number, code, name) => {
    expect(showers.find((shower) => shower.number === number))
      .toEqual({ number, code, name, status: null });
  });
});

describe("a list", () => {
  const text = (rows: string, comments = "# state: 2021-11\n# showers: 2\n") =>
    `${comments}number,code,name\n${rows}`;

  test("names its edition as a source, which is distinguishable from an address", () => {
    expect(shippedEdition(shippedSource("2021-11"))).toBe("2021-11");
    for (const source of ["https://example.org/list2021-11.txt", "list", "shipped list of now"]) {
      expect(shippedEdition(source)).toBeNull();
    }
  });

  test("is read", () => {
    expect(readShippedShowers(text("4,GEM,Geminids\n7,PER,Perseids\n")).showers).toHaveLength(2);
  });

  test.each([
    ["no date", text("4,GEM,Geminids\n7,PER,Perseids\n", "# showers: 2\n"), /state/],
    ["another count", text("4,GEM,Geminids\n"), /has 1 showers and says 2/],
    ["another header", "# state: 2021-11\n# showers: 0\nno,code,name\n", /header/],
    ["a number twice", text("4,GEM,Geminids\n4,PER,Perseids\n"), /out of order/],
    ["no number", text("x,GEM,Geminids\n7,PER,Perseids\n"), /"x"/],
    ["a number 0", text("0,GEM,Geminids\n7,PER,Perseids\n"), /"0"/],
    ["a bad code", text("4,G M,Geminids\n7,PER,Perseids\n"), /"G M"/],
    ["no name", text("4,GEM,\n7,PER,Perseids\n"), /"GEM",""/],
    ["a field more", text("4,GEM,Geminids,x\n7,PER,Perseids\n"), /"x"/],
  ])("with %s is refused", (_, given, reason) => {
    expect(() => readShippedShowers(given)).toThrow(reason);
  });
});
