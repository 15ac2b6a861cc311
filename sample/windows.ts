/**
 * Windows of one degree of solar longitude, which are the "days" of the summary files.
 *
 * A window lasts 23.5 to 25.2 hours and begins at any hour. Its file has the UTC date of its start, so some dates have no
 * file and a few have two. Windows are numbered by the total solar longitude (see `totalSolarLongitude`).
 */
import {
  julianDateOf,
  julianDateOfTotalSolarLongitude,
  momentOf,
  totalSolarLongitude,
} from "./astronomy/time.ts";

/** One window. Julian dates; a meteor belongs to it when `begin < its time <= end`. */
export interface Window {
  number: number;
  begin: number;
  end: number;
}

/** The window with this number. */
export function windowOf(number: number): Window {
  return {
    number,
    begin: julianDateOfTotalSolarLongitude(number),
    end: julianDateOfTotalSolarLongitude(number + 1),
  };
}

/** The number of the window in progress at a moment. */
export const windowNumberAt = (moment: Date): number =>
  Math.floor(totalSolarLongitude(julianDateOf(moment)));

/** Its daily file: `traj_summary_20261123_solrange_241.0-242.0.txt`. */
export function dailyFileName(window: Window): string {
  const date = momentOf(window.begin).toISOString().slice(0, 10).replaceAll("-", "");
  const degrees = (number: number): string => `${number % 360}.0`.padStart(5, "0");
  return `traj_summary_${date}_solrange_${degrees(window.number)}-${
    degrees(window.number + 1)
  }.txt`;
}

/** The monthly file of a Julian date: `traj_summary_monthly_202611.txt`. */
export const monthlyFileName = (julianDate: number): string =>
  `traj_summary_monthly_${momentOf(julianDate).toISOString().slice(0, 7).replace("-", "")}.txt`;
