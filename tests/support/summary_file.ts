/**
 * A small writer of summary files for tests: cells as the source prints them, in each of its line-end styles.
 *
 * It is independent of the reader, so that it can check it, and writes the header cell by cell.
 */

/** Header cells of the 86 columns, first and second line, and the cell of a plausible row. */
const COLUMNS: readonly (readonly [string, string, string])[] = [
  [" Unique trajectory", "     identifier   ", "20240812031415_aB3xZ"],
  ["     Beginning      ", "    Julian date     ", "2460534.634896990843"],
  ["       Beginning          ", "        UTC Time          ", "2024-08-12 03:14:15.099949"],
  ["  IAU", "   No", "    7"],
  ["  IAU", " code", "  PER"],
  ["  Sol lon ", "    deg   ", "139.486210"],
  ["  App LST ", "    deg   ", " 12.345678"],
  ...uncertain("  RAgeo  ", "   deg   ", " 46.12345", " 0.0512"),
  ...uncertain("  DECgeo ", "   deg   ", "+57.61234", " 0.0321"),
  ...uncertain(" LAMgeo  ", "   deg   ", " 61.20456", " 0.0467"),
  ...uncertain("  BETgeo ", "    deg  ", "+38.51234", " 0.0288"),
  ...uncertain("   Vgeo  ", "   km/s  ", " 58.91234", " 0.1234"),
  ...uncertain(" LAMhel  ", "   deg   ", " 12.64500", " 0.0401"),
  ...uncertain("  BEThel ", "    deg  ", "+62.41234", " 0.0502"),
  ...uncertain("   Vhel  ", "   km/s  ", " 41.12345", " 0.1199"),
  ...uncertain("      a    ", "     AU    ", "  14.512345", " 1.4512"),
  ...uncertain("     e    ", "          ", "  0.934512", " 0.0066"),
  ...uncertain("     i    ", "   deg    ", "112.912345", " 0.0621"),
  ...uncertain("   peri   ", "    deg   ", "150.512345", "  0.2011"),
  ...uncertain("   node   ", "    deg   ", "139.487654", "  0.0001"),
  ...uncertain("    Pi    ", "   deg    ", "289.999999", " 0.2011"),
  ...uncertain("     b    ", "   deg    ", " 26.951234", " 0.1700"),
  ...uncertain("     q    ", "    AU    ", "  0.950312", " 0.0009"),
  ...uncertain("     f    ", "   deg    ", "209.487655", " 0.2011"),
  ...uncertain("     M    ", "    deg   ", "359.512345", " 0.0612"),
  ...uncertain("      Q    ", "     AU    ", "  28.074378", " 2.9012"),
  ...uncertain("     n    ", "  deg/day ", "  0.017831", " 0.0027"),
  ...uncertain("     T    ", "   years  ", " 55.284512", " 8.2912"),
  ...uncertain("TisserandJ", "          ", " -0.312345", " 0.0701"),
  ...uncertain("  RAapp  ", "   deg   ", " 45.91234", " 0.0511"),
  ...uncertain("  DECapp ", "   deg   ", "+57.91234", " 0.0322"),
  ...uncertain(" Azim +E ", "of N  deg", " 41.23456", " 0.0712"),
  ...uncertain("   Elev  ", "    deg  ", " 48.31234", " 0.0301"),
  ...uncertain("  Vinit  ", "   km/s  ", " 59.91234", " 0.1210"),
  ...uncertain("   Vavg  ", "   km/s  ", " 59.51234", " 0.0912"),
  ...uncertain("   LatBeg   ", "   +N deg   ", "   45.123456", " 0.0003"),
  ...uncertain("   LonBeg   ", "   +E deg   ", "  -14.567890", " 0.0004"),
  ...uncertain("  HtBeg ", "    km  ", "110.1234", "   0.03"),
  ...uncertain("   LatEnd   ", "   +N deg   ", "   44.987654", " 0.0003"),
  ...uncertain("   LonEnd   ", "   +E deg   ", "  -14.765432", " 0.0005"),
  ...uncertain("  HtEnd ", "    km  ", " 95.4321", "   0.02"),
  ["Duration", "  sec   ", "    0.42"],
  [" Peak ", "AbsMag", " -0.71"],
  [" Peak Ht", "    km  ", "101.2345"],
  ["  F  ", "param", "0.605"],
  [" Mass kg", "tau=0.7%", "1.23e-05"],
  ["  Qc ", " deg ", "23.45"],
  ["MedianFitErr", "   arcsec   ", "       31.20"],
  ["Beg in", "  FOV ", "  True"],
  ["End in", "  FOV ", " False"],
  [" Num", "stat", "   3"],
  ["     Participating    ", "        stations      ", "HR0002,HR000D,SI0001"],
];

function uncertain(first: string, second: string, value: string, sigma: string) {
  return [
    [first, second, value],
    ["  +/-  ", " sigma ", sigma],
  ] as const;
}

/** The stamp line at the beginning of a file, generated at `stamp` as the source writes it. */
export const stampLine = (stamp: string): string => `# Summary generated on ${stamp}+00:00 UTC`;
/** The stamp line at the beginning of most files here. */
export const STAMP_LINE = stampLine("2024-08-24 06:06:14.542816");
/** Number of columns. */
export const WIDTH = COLUMNS.length;

/** Column numbers, from 0, by content. */
export const COLUMN = {
  id: 0,
  jd: 1,
  time: 2,
  iauNo: 3,
  iauCode: 4,
  solLon: 5,
  raGeo: 7,
  sigmaRaGeo: 8,
  decGeo: 9,
  q: 37,
  Q: 43,
  sigmaQ: 44,
  latBeg: 63,
  lonBeg: 65,
  f: 78,
  begInFov: 82,
  numStat: 84,
  stations: 85,
} as const;

/** The cells of a row, with some of them replaced. */
export function cells(replaced: Partial<Record<keyof typeof COLUMN, string>> = {}): string[] {
  const row = COLUMNS.map(([, , cell]) => cell);
  for (const [name, cell] of Object.entries(replaced)) {
    row[COLUMN[name as keyof typeof COLUMN]] = cell;
  }
  return row;
}

/** A row as a line of text, without its end. */
export function row(replaced: Partial<Record<keyof typeof COLUMN, string>> = {}): string {
  return cells(replaced).join("; ");
}

/** Different rows: their ids count up. */
export function rows(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => row({ id: `20240812031415_${String(i).padStart(5, "0")}` }),
  );
}

/** The three header lines after the stamp, for the columns at these indexes (all by default). */
export function headerLines(columns: readonly number[] = COLUMNS.map((_, i) => i)): string[] {
  const chosen = columns.map((i) => COLUMNS[i]);
  return [
    `# ${chosen.map(([first]) => first).join("; ")}`,
    `# ${chosen.map(([, second]) => second).join("; ")}`,
    `# ${chosen.map(([first]) => "-".repeat(first.length)).join("; ")}`,
  ];
}

/** Line endings. The source writes `lfcr` in daily and monthly files, and `yearly` when it joins them into longer ones. */
export type LineEnds = "lf" | "crlf" | "lfcr" | "yearly";

/** The lines as a file's text. */
export function withLineEnds(lines: readonly string[], ends: LineEnds): string {
  if (ends === "yearly") return `${lines[0]}\n\r${lines.slice(1).map((l) => `${l}\n\n`).join("")}`;
  const end = { lf: "\n", crlf: "\r\n", lfcr: "\n\r" }[ends];
  return lines.map((line) => line + end).join("");
}

/** A whole file. */
export function fileText(
  data: readonly string[],
  ends: LineEnds = "lfcr",
  stamp = STAMP_LINE,
): string {
  return withLineEnds([stamp, ...headerLines(), ...data], ends);
}
