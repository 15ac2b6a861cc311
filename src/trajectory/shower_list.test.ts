import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { PermanentError } from "@gmn/failures";
import { readShowerList } from "./shower_list.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
/** A line with these cells, padded and quoted as in the list, and filled up to `width`. */
const line = (width: number, ...cells: string[]) =>
  Array.from({ length: width }, (_, i) => `"${(cells[i] ?? "").padEnd(6)}"`).join("|");

const mdc2007 = (no: string, ad: string, code: string, name: string, status: string) =>
  line(28, "00001", no, ad, code, name, " annual ", status, "128.9", "306.6");
const mdc2022 = (no: string, ad: string, code: string, status: string, name: string) =>
  line(36, "00001", no, ad, code, status, "2024.01.02", name, "annual");

describe("the layout of MDC2007", () => {
  test("is read: comments and ruler skipped, numbers without zeros, blanks trimmed", () => {
    const text = [
      ":=====",
      ":IAU Meteor Data Center. List of all meteor showers.",
      ': "a comment" | with | quotes',
      "+2345678901234567890",
      mdc2007("00007", "000", "PER", "Perseids", " 1"),
      mdc2007("00004", "000", "GEM", "Geminids  ", " 1"),
      "",
    ].join("\n");
    expect(readShowerList(bytesOf(text))).toEqual({
      showers: [
        { number: 4, code: "GEM", name: "Geminids", status: 1 },
        { number: 7, code: "PER", name: "Perseids", status: 1 },
      ],
      rejected: [],
    });
  });

  test("NAN is a shower", () => {
    const { showers } = readShowerList(bytesOf(mdc2007("00229", "000", "NAN", "nu Aurigids", "0")));
    expect(showers).toEqual([{ number: 229, code: "NAN", name: "nu Aurigids", status: 0 }]);
  });
});

describe("the layouts of MDC2022", () => {
  test("with 36 fields, which have the status in the place of the name", () => {
    const { showers } = readShowerList(bytesOf(mdc2022("00007", "000", "PER", "1", "Perseids")));
    expect(showers).toEqual([{ number: 7, code: "PER", name: "Perseids", status: 1 }]);
  });

  test("with 37 fields, which have the designation before the name, or instead of it", () => {
    const named = line(37, "1", "00007", "000", "PER", "1", "", "M1835-H1", "Perseids", "annual");
    const unnamed = line(37, "2", "01190", "000", "XYZ", "0", "", "M2023-A1", "", "annual");
    expect(readShowerList(bytesOf(`${named}\n${unnamed}\n`)).showers.map((s) => s.name))
      .toEqual(["Perseids", "M2023-A1"]);
  });

  test("a pipe at the end of the line is not a field", () => {
    const text = `${mdc2022("00007", "000", "PER", "1", "Perseids")}|\r\n`;
    expect(readShowerList(bytesOf(text)).showers[0].name).toBe("Perseids");
  });
});

describe("several rows of one shower", () => {
  test("the first counts", () => {
    const text = [
      mdc2007("00001", "000", "CAP", "alpha Capricornids", "1"),
      mdc2007("00001", "001", "CAP", "another name", "0"),
    ].join("\n");
    expect(readShowerList(bytesOf(text)).showers)
      .toEqual([{ number: 1, code: "CAP", name: "alpha Capricornids", status: 1 }]);
  });

  test("the first whose solution was not removed", () => {
    const text = [
      mdc2007("00001", "000", "OLD", "removed", "-2"),
      mdc2007("00001", "001", "CAP", "alpha Capricornids", "1"),
      mdc2007("00002", "000", "GON", "gone", "-1"),
      mdc2007("00002", "001", "ALS", "also gone", "-2"),
    ].join("\n");
    expect(readShowerList(bytesOf(text)).showers.map((s) => [s.code, s.status]))
      .toEqual([["CAP", 1], ["GON", -1]]);
  });
});

describe("the encoding", () => {
  test("is Latin-1 or UTF-8", () => {
    const text = mdc2007("00007", "000", "PER", "Hajduková", "1");
    const latin1 = Uint8Array.from(text, (character) => character.charCodeAt(0));
    for (const bytes of [latin1, bytesOf(text)]) {
      expect(readShowerList(bytes).showers[0].name).toBe("Hajduková");
    }
  });
});

describe("lines that can't be read", () => {
  const good = mdc2007("00007", "000", "PER", "Perseids", "1");

  test.each([
    [line(28, "1", "seven", "000", "PER", "Perseids", "annual", "1"), 'IAU number is "seven"'],
    [line(28, "1", "", "000", "PER", "Perseids", "annual", "1"), "IAU number null"],
    [line(28, "1", "00008", "000", "", "Perseids", "annual", "1"), "shower 8 has no code"],
    [line(28, "1", "00008", "000", "ABC", "x", "1", "annual"), 'status is "annual"'],
    [line(36, "1", "00008", "000", "ABC", "a name", "1"), 'status is "a name"'],
    [line(30, "1", "00008", "000", "ABC"), "30 fields, the known layouts have 28, 36, 37"],
    ['"00001"|"00008', "2 fields"],
  ])("are reported with number and reason: %#", (bad, reason) => {
    const { showers, rejected } = readShowerList(bytesOf(`: c\n${bad}\n${good}\n`));
    expect(showers.map((s) => s.code)).toEqual(["PER"]);
    expect(rejected).toEqual([{ line: 2, reason: expect.stringContaining(reason) }]);
  });

  test("a stray quote affects only its own line", () => {
    const stray = good.replace("Perseids", 'Per"seids').replace("00007", "00008");
    const { showers, rejected } = readShowerList(bytesOf(`${stray}\n${good}\n`));
    expect(showers.length + rejected.length).toBe(2);
    expect(showers.map((s) => s.number)).toContain(7);
  });

  test.each(["", "<html>404</html>", ": only\n: comments", line(30, "1")])(
    "a list without any shower is refused: %j",
    (text) => expect(() => readShowerList(bytesOf(text))).toThrow(PermanentError),
  );
});

describe("the real list", () => {
  const file = new URL("../../../shared/data/streamfulldata.txt", import.meta.url);
  let bytes: Uint8Array | null = null;
  try {
    bytes = readFileSync(file);
  } catch {
    // Not available everywhere.
  }
  test.skipIf(bytes === null)("is read (skipped where the file is unavailable)", () => {
    const { showers, rejected } = readShowerList(bytes!);
    expect(rejected).toEqual([]);
    expect(showers).toContainEqual({ number: 4, code: "GEM", name: "Geminids", status: 1 });
    expect(showers[0]).toEqual({ number: 1, code: "CAP", name: "alpha Capricornids", status: 1 });
  });
});
