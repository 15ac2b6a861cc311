import { describe, expect, test } from "vitest";
import { commentCells, hasIdentifier, headerOf, stampOf } from "./summary_header.ts";
import { TRAJECTORY_FIELDS } from "./schema.ts";
import { COLUMN, headerLines, WIDTH } from "../../tests/support/summary_file.ts";

/** A header made of these columns of the fixture. */
function header(columns?: readonly number[]) {
  const [first, second] = headerLines(columns);
  return headerOf(commentCells(first)!, commentCells(second)!)!;
}
const ALL = Array.from({ length: WIDTH }, (_, i) => i);

describe("the columns of a file", () => {
  test("are the schema's fields, in its order, without the version", () => {
    const { columns, unknownColumns, missingColumns } = header();
    expect(columns.map((column) => column.field))
      .toEqual(TRAJECTORY_FIELDS.map((field) => field.name).filter((n) => n !== "schema_version"));
    expect(unknownColumns).toEqual([]);
    expect(missingColumns).toEqual([]);
  });

  test("are named by both lines, white space collapsed", () => {
    const names = header().columns.map((column) => column.name);
    expect(names[0]).toBe("Unique trajectory identifier");
    expect(names[8]).toBe("+/- sigma of RAgeo deg");
    expect(names[25]).toBe("e");
    expect(names[55]).toBe("Azim +E of N deg");
    expect(names[79]).toBe("Mass kg tau=0.7%");
  });

  test("distinguish q from Q by case, even when only one is there, with their sigmas", () => {
    const fields = (columns: number[]) => header(columns).columns.map((column) => column.field);
    expect(fields([0, COLUMN.q, COLUMN.q + 1])).toEqual(
      ["unique_trajectory_identifier", "q_au", "sigma_15"],
    );
    expect(fields([0, COLUMN.Q, COLUMN.Q + 1])).toEqual(
      ["unique_trajectory_identifier", "q_au_", "sigma_18"],
    );
  });

  test("may be in any order; a sigma belongs to the column before it", () => {
    const { columns } = header([COLUMN.Q, COLUMN.Q + 1, 0, COLUMN.raGeo, COLUMN.raGeo + 1]);
    expect(columns.map((column) => column.field))
      .toEqual(["q_au_", "sigma_18", "unique_trajectory_identifier", "rageo_deg", "sigma"]);
  });

  test("that are missing are reported", () => {
    const withoutB = header(ALL.filter((i) => i !== 35 && i !== 36));
    expect(withoutB.missingColumns).toEqual(["b_deg", "sigma_14"]);
    expect(withoutB.columns[35].field).toBe("q_au");
  });

  test("that are not in the schema are reported, with their sigmas, and not matched to a field", () => {
    const first = [
      "Unique trajectory",
      "Beginning",
      "Colour",
      "+/-",
      "e",
      "+/-",
      "e",
      "sigma",
      "Q",
    ];
    const second = ["identifier", "Julian date", "nm", "sigma", "", "sigma", "", "", "km"];
    const { columns, unknownColumns } = headerOf(first, second)!;
    expect(columns.map((column) => column.field)).toEqual([
      "unique_trajectory_identifier",
      "beginning_julian_date",
      null,
      null,
      "e",
      "sigma_9",
      null,
      null,
      null,
    ]);
    expect(unknownColumns).toEqual(["Colour nm", "+/- sigma of Colour nm", "e", "sigma", "Q km"]);
  });

  test("have names that can be displayed and stored", () => {
    const { columns, unknownColumns } = headerOf(
      commentCells(`# Unique trajectory; e; \0Colour\x1b; ${"x".repeat(5000)}`)!,
      commentCells("# identifier; ; nm; m")!,
    )!;
    expect(columns[0].field).toBe("unique_trajectory_identifier");
    expect(unknownColumns).toEqual(["�Colour� nm", `${"x".repeat(60)} m`]);
  });

  test("a header without the identifier is recognised as a header", () => {
    expect(hasIdentifier(header())).toBe(true);
    expect(hasIdentifier(header(ALL.slice(1)))).toBe(false);
  });

  test("other comments are not a header", () => {
    const cells = (text: string) => commentCells(text)!;
    expect(commentCells("# nothing here")).toBeNull();
    expect(headerOf(cells("# note; this"), cells("# is; text"))).toBeNull();
    expect(headerOf(cells("# ---; ---"), cells("# ---; ---"))).toBeNull();
    expect(headerOf(cells("# Beginning; IAU"), cells("# Julian date; No; code"))).toBeNull();
  });
});

describe("the generation stamp", () => {
  test.each([
    ["# Summary generated on 2022-03-16 17:49:26.628043 UTC", "2022-03-16T17:49:26.628Z"],
    ["# Summary generated on 2026-09-16 06:06:14.542816+00:00 UTC", "2026-09-16T06:06:14.542Z"],
    ["# Summary generated on 2026-09-16 06:06:14+00:00 UTC", "2026-09-16T06:06:14.000Z"],
    ["# Summary generated on 2026-09-16 06:06:14 UTC", "2026-09-16T06:06:14.000Z"],
    ["#Summary generated on 2026-09-16 06:06:14.5 UTC", "2026-09-16T06:06:14.500Z"],
  ])("%s", (comment, iso) => expect(stampOf(comment)?.toISOString()).toBe(iso));

  test.each([
    "# Summary generated on 2026-13-16 06:06:14 UTC",
    "# Summary generated on 2026-09-16 06:06:14+02:00 UTC",
    "# Summary generated",
    "# anything",
  ])("%s is not a stamp", (comment) => expect(stampOf(comment)).toBeNull());
});
