/** Checked command-line values: the error for a bad one has its name, its value and what is allowed. */
import { PermanentError } from "@gmn/failures";

/** A whole number between two bounds. */
export function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most) {
    throw new PermanentError(`--${name} is "${text}"`, {
      hint: `give a whole number from ${least} to ${most}`,
    });
  }
  return number;
}

/** A day or moment in ISO 8601, taken as UTC. */
export function moment(name: string, text: string): Date {
  const at = new Date(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(at.getTime())) {
    throw new PermanentError(`--${name} is "${text}"`, {
      hint: "give a date (2026-11-24) or a moment (2026-11-24T06:00:00Z)",
    });
  }
  return at;
}

/** One of a few words. */
export function oneOf<Word extends string>(
  name: string,
  text: string,
  words: readonly Word[],
): Word {
  const word = words.find((word) => word === text);
  if (word !== undefined) return word;
  throw new PermanentError(`--${name} is "${text}"`, { hint: `give one of ${words.join(", ")}` });
}
