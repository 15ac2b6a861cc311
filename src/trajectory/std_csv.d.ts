/** Types of the one function used of `@std/csv/parse.js` (npm's deno-std has none). */

export interface ParseOptions {
  readonly separator?: string;
  /** Lines that begin with it are left out. */
  readonly comment?: string;
  /** A quote may stand inside an unquoted field, and an unescaped one inside a quoted field. */
  readonly lazyQuotes?: boolean;
}

/** The rows of a CSV text, each an array of its fields. Throws a SyntaxError for text that is no CSV. */
export function parse(text: string, options?: ParseOptions): string[][];
