/**
 * Reads the values of single cells from the bytes of the file.
 *
 * This is the hot path: a row has 86 cells, so a nanosecond per byte is a microsecond per row. Reading bytes avoids a string for
 * each cell; only the few text fields become strings.
 *
 * A cell is `bytes[start, end)`, already trimmed. A reader returns `NaN` for a cell without a value (`None`, `nan`) and `Infinity` for
 * a malformed one: neither is a possible value, and a plain number costs nothing to return.
 */

/** The result for a cell without a value. */
export const MISSING = NaN;
/** The result for a malformed cell. */
export const MALFORMED = Infinity;

const PLUS = 0x2b, MINUS = 0x2d, DOT = 0x2e, ZERO = 0x30, NINE = 0x39, COLON = 0x3a;
const UNDERSCORE = 0x5f, UPPER_T = 0x54, LOWER_E = 0x65, UPPER_Z = 0x5a, SPACE = 0x20;
/** Added to an upper-case ASCII character, it makes the character lower case. */
const LOWER = 0x20;

/** Powers of ten by exponent. Up to 22, they are exact in a double. */
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));
/** Any integer of this many digits is exact in a double. */
const EXACT_DIGITS = 15;

/**
 * A decimal number: sign, digits with an optional point, exponent, and nothing else (no hex, no separators, no blanks).
 *
 * Always the nearest double. For up to 15 digits and a power of ten up to 22, both parts are exact doubles, so one division
 * (or product) rounds once and is right (Clinger, "How to Read Floating Point Numbers Accurately", 1990). Anything longer is
 * left to `Number`. `None`, `nan` and `inf`, with or without sign, in any case, are MISSING: the source has no value there (F is
 * infinite when a meteor's begin and end heights are equal, which is a division by zero, not a measurement; and JSON has no
 * infinity). An empty cell, or a number too large for a double, is MALFORMED.
 */
export function readNumber(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let byte = bytes[at];
  const negative = byte === MINUS;
  if (negative || byte === PLUS) at++;
  let mantissa = 0;
  const integerStart = at;
  while (at < end && (byte = bytes[at]) >= ZERO && byte <= NINE) {
    mantissa = mantissa * 10 + (byte - ZERO);
    at++;
  }
  let digits = at - integerStart;
  let power = 0;
  if (at < end && bytes[at] === DOT) {
    const fractionStart = ++at;
    while (at < end && (byte = bytes[at]) >= ZERO && byte <= NINE) {
      mantissa = mantissa * 10 + (byte - ZERO);
      at++;
    }
    power = fractionStart - at;
    digits -= power;
  }
  if (digits === 0) return isMissing(bytes, start, end) ? MISSING : MALFORMED;
  if (at < end) {
    const exponent = readExponent(bytes, at, end);
    if (exponent === MALFORMED) return MALFORMED;
    power += exponent;
  }
  if (digits > EXACT_DIGITS || power < -22 || power > 22) {
    // Infinity (too large) equals MALFORMED, whatever the sign.
    const value = Number(asciiText(bytes, start, end));
    return Number.isFinite(value) ? value : MALFORMED;
  }
  const value = power < 0 ? mantissa / POWERS_OF_TEN[-power] : mantissa * POWERS_OF_TEN[power];
  return negative ? -value : value;
}

/** The exponent `e±digits` that must fill the rest of the cell, or MALFORMED. */
function readExponent(bytes: Uint8Array, start: number, end: number): number {
  if ((bytes[start] | LOWER) !== LOWER_E) return MALFORMED;
  let at = start + 1;
  const negative = bytes[at] === MINUS;
  if (negative || bytes[at] === PLUS) at++;
  if (at >= end) return MALFORMED;
  const exponent = readDigits(bytes, at, end);
  return exponent === MALFORMED ? MALFORMED : negative ? -exponent : exponent;
}

/** The digits in this range as a number, or MALFORMED if there is anything else. */
function readDigits(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at] - ZERO;
    if (!(digit >= 0 && digit <= 9)) return MALFORMED;
    value = value * 10 + digit;
  }
  return value;
}

/** Whether the cell is one of the texts that Python prints for a missing number. */
function isMissing(bytes: Uint8Array, start: number, end: number): boolean {
  if (equalsWord(bytes, start, end, "none")) return true;
  const signed = bytes[start] === PLUS || bytes[start] === MINUS;
  const at = signed ? start + 1 : start;
  return equalsWord(bytes, at, end, "nan") || equalsWord(bytes, at, end, "inf") ||
    equalsWord(bytes, at, end, "infinity");
}

/** Whether the cell is this lower-case word, in any case. */
function equalsWord(bytes: Uint8Array, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) {
    if ((bytes[start + i] | LOWER) !== word.charCodeAt(i)) return false;
  }
  return true;
}

/** A flag: `True` 1, `False` 0, `None` or `nan` MISSING, anything else MALFORMED. */
export function readFlag(bytes: Uint8Array, start: number, end: number): number {
  if (equalsWord(bytes, start, end, "true")) return 1;
  if (equalsWord(bytes, start, end, "false")) return 0;
  return isMissing(bytes, start, end) ? MISSING : MALFORMED;
}

/** The years whose microseconds since 1970 survive the log exactly: 2^52 are 142 years (see `untrusted_types.ts`). */
const FIRST_YEAR = 1828, LAST_YEAR = 2111;
const DAYS_IN_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * A UTC time as Python's `str(datetime)` prints it, in microseconds since 1970-01-01T00:00:00Z: `YYYY-MM-DD HH:MM:SS`, a
 * fraction of 1 to 6 digits unless it is zero, and an optional `+00:00` (which the source's own generation stamp has had since
 * 2024). Integer arithmetic throughout: a `Date` would cut it to milliseconds.
 *
 * A second of 60 results from rounding 59.9999995, and is also the name of a leap second. It is read as the first second of the
 * next minute, as in POSIX time and Python's `timedelta`.
 *
 * The source's sentinel for a time it could not compute is year 1 (`0001-01-01 00:00:00`): MISSING.
 */
export function readTime(bytes: Uint8Array, start: number, end: number): number {
  if (isMissing(bytes, start, end)) return MISSING;
  const separator = bytes[start + 10];
  if (
    end - start < 19 || bytes[start + 4] !== MINUS || bytes[start + 7] !== MINUS ||
    (separator !== SPACE && separator !== UPPER_T) ||
    bytes[start + 13] !== COLON || bytes[start + 16] !== COLON
  ) return MALFORMED;
  const year = readDigits(bytes, start, start + 4);
  const month = readDigits(bytes, start + 5, start + 7);
  const day = readDigits(bytes, start + 8, start + 10);
  const hour = readDigits(bytes, start + 11, start + 13);
  const minute = readDigits(bytes, start + 14, start + 16);
  const second = readDigits(bytes, start + 17, start + 19);
  const fraction = readFraction(bytes, start + 19, end);
  if (
    !(month >= 1 && month <= 12) || !(day >= 1 && day <= DAYS_IN_MONTH[month - 1]) ||
    (month === 2 && day === 29 && !isLeap(year)) || hour > 23 || minute > 59 || second > 60
  ) return MALFORMED;
  if (year === 1) return MISSING;
  if (!(year >= FIRST_YEAR && year <= LAST_YEAR) || fraction === MALFORMED) return MALFORMED;
  const seconds = daysSince1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
  return seconds * 1_000_000 + fraction;
}

/** Microseconds of a fraction `.f` to `.ffffff`, 0 if there is none. After it, only `Z`, `+00:00` or the end may follow. */
function readFraction(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let fraction = 0;
  if (at < end && bytes[at] === DOT) {
    const first = ++at;
    let unit = 100_000;
    while (at < end && at - first < 6 && bytes[at] >= ZERO && bytes[at] <= NINE) {
      fraction += (bytes[at++] - ZERO) * unit;
      unit /= 10;
    }
    if (at === first) return MALFORMED;
  }
  const isUtc = at === end || (end - at === 1 && bytes[at] === UPPER_Z) ||
    equalsWord(bytes, at, end, "+00:00");
  return isUtc ? fraction : MALFORMED;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) +
    dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

const IDENTIFIER_LENGTH = 20;

/** Whether the cell has the form of a trajectory identifier: 14 digits, `_`, 5 letters or digits. */
export function isIdentifier(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== IDENTIFIER_LENGTH || bytes[start + 14] !== UNDERSCORE) return false;
  if (readDigits(bytes, start, start + 14) === MALFORMED) return false;
  for (let at = start + 15; at < end; at++) {
    const byte = bytes[at], lower = byte | LOWER;
    if (!(byte >= ZERO && byte <= NINE) && !(lower >= 0x61 && lower <= 0x7a)) return false;
  }
  return true;
}

/** The text of ASCII bytes. */
function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]);
  return text;
}
