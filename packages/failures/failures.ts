/**
 * The two kinds of failure this service knows.
 *
 * The loops decide by the type what to do next: after a `TransientError` they wait and retry, a
 * `PermanentError` is reported (a dead letter, a failed run, a refused request) and never retried. Both carry a
 * `hint`: what a person can do about it. A shutdown is neither; it travels as an aborted `AbortSignal`.
 */

/** What a failure may carry beside its message. */
export interface FailureOptions {
  /** The error underneath, kept for logs. */
  cause?: unknown;
  /** What to do next, one sentence in plain words. */
  hint?: string;
}

/** Something outside is unavailable right now (network, broker, database); the same call may work later. */
export class TransientError extends Error {
  override readonly name: string = "TransientError";
  readonly hint: string | undefined;
  constructor(message: string, options: FailureOptions = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}

/** The same call will fail the same way until someone changes something: input, settings, code. */
export class PermanentError extends Error {
  override readonly name: string = "PermanentError";
  readonly hint: string | undefined;
  constructor(message: string, options: FailureOptions = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
  }
}

/** The message of anything thrown, with its causes: `outer: inner: innermost`. */
export function explain(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error, depth = 0; at !== undefined && at !== null && depth < 5; depth++) {
    const message = at instanceof Error ? at.message || at.name : String(at);
    if (message !== "" && !parts.some((part) => part.includes(message))) parts.push(message);
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(": ");
}

/** What to do about anything thrown: the hint of the outermost failure that has one. */
export function hintOf(error: unknown): string | undefined {
  for (
    let at: unknown = error, depth = 0;
    at instanceof Error && depth < 5;
    at = at.cause, depth++
  ) {
    if ((at instanceof TransientError || at instanceof PermanentError) && at.hint !== undefined) {
      return at.hint;
    }
  }
  return undefined;
}

/** What went wrong and what to do about it, in one line: `message; hint`, `message. Hint.` */
export function explainWithHint(error: unknown): string {
  const hint = hintOf(error);
  if (hint === undefined) return explain(error);
  return `${explain(error)}${/^[A-Z][a-z ]/.test(hint) ? "." : ";"} ${hint}`;
}
