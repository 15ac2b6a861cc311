/**
 * The error of a broker that refuses to start, and the text of errors.
 */

/** The broker can't start or continue until somebody changes something; `hint` says what. */
export class BrokerRefusal extends Error {
  override readonly name = "BrokerRefusal";
  readonly hint: string | undefined;
  constructor(message: string, options: { cause?: unknown; hint?: string | undefined } = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}

/** The message of anything thrown, with its causes: `outer: inner: innermost`. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message || error.name;
  if (error.cause === undefined || error.cause === null) return message;
  const cause = explain(error.cause);
  return message.includes(cause) ? message : `${message}: ${cause}`;
}
