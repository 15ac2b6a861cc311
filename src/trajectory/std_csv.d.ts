/** Types of the only function used from `@std/csv/parse.js` (npm's deno-std has none). */

export interface ParseOptions {
  readonly separator?: string;
  /** Lines that begin with this text are skipped. */
  readonly comment?: string;
  /** Allows a quote inside an unquoted field, and an unescaped one inside a quoted field. */
  readonly lazyQuotes?: boolean;
}

/** The rows of a CSV text, each an array of its fields. Throws a SyntaxError for text that is not CSV. */
export function parse(text: string, options?: ParseOptions): string[][];
