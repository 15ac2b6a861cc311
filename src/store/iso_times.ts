/** Times as text, ISO 8601 in UTC: the driver's Date has no microseconds. */

/** SQL for the time `expression` with microseconds. */
export function isoMicros(expression: string): string {
  return iso(expression, "US");
}

/** SQL for the time `expression` with milliseconds, as `Date.toISOString` writes it. */
export function isoMillis(expression: string): string {
  return iso(expression, "MS");
}

function iso(expression: string, fraction: "US" | "MS"): string {
  return `to_char(${expression} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.${fraction}"Z"')`;
}
