/**
 * The 86 columns of a summary file, in file order: the two cells of the header and how a row fills the column.
 *
 * Cells and formats are those of the real writer (writeOrbitSummaryFile in WesternMeteorPyLib's AggregateAndPlot.py).
 * Widths are minima: a longer value makes its cell wider.
 */
import { datetimeText, exponential, fixed, signed } from "./python_format.ts";
import type { Measured, SummaryRow } from "./summary_row.ts";

/** A column: its header cells (also its width) and its text in a row. */
export interface Column {
  /** Second and third header line; both as wide as the column. */
  head: readonly [string, string];
  /** Length of the rule under the header; the width of the cells when not given. */
  dashes?: number;
  text: (row: SummaryRow) => string;
}

/** Before 2025-03-30 shower codes were four wide, since then five (for provisional codes like `M24U1`). */
export type CodeWidth = 4 | 5;

/** From this value on a starred sigma is written with an exponent, so that it fits seven characters. */
const LARGEST_FIXED_SIGMA = 100;

function sigmaText(sigma: number | null, width: number, starred: boolean): string {
  if (sigma === null) return "None".padStart(width);
  return starred && sigma > LARGEST_FIXED_SIGMA
    ? exponential(sigma, width, 1)
    : fixed(sigma, width, 4);
}

interface SigmaOptions {
  /** Switches to an exponent when large. */
  starred?: boolean;
  head?: readonly [string, string];
}

const SIGMA_HEAD = ["  +/-  ", " sigma "] as const;
/** In speeds, perihelion and node the sign is one place further right. */
const SPEED_SIGMA_HEAD = ["   +/- ", "  sigma"] as const;
const WIDE_SIGMA_HEAD = ["   +/-  ", "  sigma "] as const;

/** A quantity and its uncertainty: two columns. */
function measured(
  name: Measured,
  head: readonly [string, string],
  text: (value: number) => string,
  { starred = false, head: sigmaHead = SIGMA_HEAD }: SigmaOptions = {},
): Column[] {
  const width = sigmaHead[0].length;
  return [
    { head, text: (row) => text(row.value[name]) },
    { head: sigmaHead, text: (row) => sigmaText(row.sigma[name], width, starred) },
  ];
}

/** A height: its uncertainty has two decimals. */
function height(name: "heightBegin" | "heightEnd", head: readonly [string, string]): Column[] {
  const sigma = (row: SummaryRow) => row.sigma[name];
  return [
    { head, text: (row) => fixed(row.value[name], 8, 4) },
    {
      head: SIGMA_HEAD,
      text: (row) => (sigma(row)?.toFixed(2) ?? "None").padStart(7),
    },
  ];
}

const flag = (value: boolean | null): string =>
  (value === null ? "None" : value ? "True" : "False").padStart(6);

const angle = (value: number): string => fixed(value, 9, 5);
const signedAngle = (value: number): string => signed(value, 9, 5);
const element = (value: number): string => fixed(value, 10, 6);
const coordinate = (value: number): string => fixed(value, 12, 6);
const axis = (value: number): string =>
  Math.abs(value) < 1000 ? fixed(value, 11, 6) : exponential(value, 11, 2);
const aphelion = (value: number): string =>
  Math.abs(value) < 1000 ? fixed(value, 11, 6) : exponential(value, 11, 4);
const period = (value: number): string =>
  value >= 1000 ? exponential(value, 10, 4) : fixed(value, 10, 6);

const starred = { starred: true };
const speedSigma = { head: SPEED_SIGMA_HEAD };
const wideSigma = { head: WIDE_SIGMA_HEAD };

/** All columns, for shower codes of this width. */
export function columnsOf(codeWidth: CodeWidth): readonly Column[] {
  return [
    ...beginning(codeWidth),
    ...radiantAndOrbit(),
    ...apparentAndTrack(),
    ...lightAndStations(),
  ];
}

function beginning(codeWidth: CodeWidth): Column[] {
  return [
    { head: [" Unique trajectory", "     identifier   "], text: (row) => row.id.padStart(20) },
    {
      head: ["     Beginning      ", "    Julian date     "],
      text: (row) => fixed(row.julianDate, 20, 12),
    },
    {
      head: ["       Beginning          ", "        UTC Time          "],
      text: (row) => datetimeText(row.beginning_us).padEnd(26),
    },
    { head: ["  IAU", "   No"], text: (row) => row.showerNumber.toString().padStart(5) },
    {
      head: [" IAU".padStart(codeWidth), "code".padStart(codeWidth)],
      text: (row) => row.showerCode.padStart(codeWidth),
    },
    { head: ["  Sol lon ", "    deg   "], text: (row) => element(row.solarLongitude) },
    { head: ["  App LST ", "    deg   "], text: (row) => element(row.localSiderealTime) },
  ];
}

function radiantAndOrbit(): Column[] {
  return [
    ...measured("raGeo", ["  RAgeo  ", "   deg   "], angle, starred),
    ...measured("decGeo", ["  DECgeo ", "   deg   "], signedAngle, starred),
    ...measured("lamGeo", [" LAMgeo  ", "   deg   "], angle, starred),
    ...measured("betGeo", ["  BETgeo ", "    deg  "], signedAngle, starred),
    ...measured("vGeo", ["   Vgeo  ", "   km/s  "], angle, speedSigma),
    ...measured("lamHel", [" LAMhel  ", "   deg   "], angle, starred),
    ...measured("betHel", ["  BEThel ", "    deg  "], signedAngle, starred),
    ...measured("vHel", ["   Vhel  ", "   km/s  "], angle, speedSigma),
    ...measured("a", ["      a    ", "     AU    "], axis, starred),
    ...measured("e", ["     e    ", "          "], element),
    ...measured("i", ["     i    ", "   deg    "], element),
    ...measured("peri", ["   peri   ", "    deg   "], element, wideSigma),
    ...measured("node", ["   node   ", "    deg   "], element, wideSigma),
    ...measured("pi", ["    Pi    ", "   deg    "], element),
    ...measured("b", ["     b    ", "   deg    "], element),
    ...measured("q", ["     q    ", "    AU    "], element),
    ...measured("f", ["     f    ", "   deg    "], element),
    ...measured("m", ["     M    ", "    deg   "], element),
    ...measured("aphelion", ["      Q    ", "     AU    "], aphelion, starred),
    ...measured("n", ["     n    ", "  deg/day "], element, starred),
    ...measured("period", ["     T    ", "   years  "], period, starred),
    ...measured("tisserand", ["TisserandJ", "          "], element, starred),
  ];
}

function apparentAndTrack(): Column[] {
  return [
    ...measured("raApp", ["  RAapp  ", "   deg   "], angle, starred),
    ...measured("decApp", ["  DECapp ", "   deg   "], signedAngle, starred),
    ...measured("azimuth", [" Azim +E ", "of N  deg"], angle, starred),
    ...measured("elevation", ["   Elev  ", "    deg  "], angle, starred),
    ...measured("vInit", ["  Vinit  ", "   km/s  "], angle, speedSigma),
    ...measured("vAvg", ["   Vavg  ", "   km/s  "], angle, speedSigma),
    ...measured("latBegin", ["   LatBeg   ", "   +N deg   "], coordinate),
    ...measured("lonBegin", ["   LonBeg   ", "   +E deg   "], coordinate),
    ...height("heightBegin", ["  HtBeg ", "    km  "]),
    ...measured("latEnd", ["   LatEnd   ", "   +N deg   "], coordinate),
    ...measured("lonEnd", ["   LonEnd   ", "   +E deg   "], coordinate),
    ...height("heightEnd", ["  HtEnd ", "    km  "]),
  ];
}

function lightAndStations(): Column[] {
  return [
    { head: ["Duration", "  sec   "], text: (row) => fixed(row.duration_s, 8, 2) },
    { head: [" Peak ", "AbsMag"], text: (row) => signed(row.peakMagnitude, 6, 2) },
    { head: [" Peak Ht", "    km  "], text: (row) => fixed(row.peakHeight, 8, 4) },
    { head: ["  F  ", "param"], text: (row) => fixed(row.fParameter, 5, 3) },
    { head: [" Mass kg", "tau=0.7%"], text: (row) => exponential(row.mass_kg, 8, 2) },
    { head: ["  Qc ", " deg "], text: (row) => fixed(row.convergenceAngle, 5, 2) },
    { head: ["MedianFitErr", "   arcsec   "], text: (row) => fixed(row.medianFitError, 12, 2) },
    { head: ["Beg in", "  FOV "], text: (row) => flag(row.beginInView) },
    { head: ["End in", "  FOV "], text: (row) => flag(row.endInView) },
    { head: [" Num", "stat"], text: (row) => row.stations.length.toString().padStart(4) },
    {
      head: ["     Participating", "        stations"],
      dashes: 22,
      text: (row) => row.stations.join(","),
    },
  ];
}
