/**
 * `timestamptz` (oid 1184), `timestamp` and `date` as Date, in UTC.
 *
 * Upstream, in 3.4.9: the parser of src/types.js (`date`) passes the text to `Date`, which reads year `0001` as 2001. Microseconds
 * are cut to milliseconds: a query that needs them selects text or `extract(epoch …)`.
 */
export const DATE = {
  to: 1184,
  from: [1082, 1114, 1184],
  serialize: (value: Date | string | number): string => new Date(value).toISOString(),
  parse: (text: string): Date =>
    text.length <= "2026-01-01".length
      ? new Date(text)
      : new Date(`${text.replace(" ", "T").replace(/\+00(:00)?$/, "")}Z`),
};
