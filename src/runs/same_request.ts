/** Checks that an Idempotency-Key is only ever used for one request. */
import { PermanentError } from "@gmn/failures";
import type { RunState } from "./run.ts";
import { describeSelection } from "./selection.ts";

/** The caller's Idempotency-Key already stands for another request. */
export class IdempotencyConflictError extends PermanentError {
  override readonly name = "IdempotencyConflictError";
}

/**
 * Checks that the run found for a key is the one that was requested.
 * @param asked the request in words, for the error message
 * @throws IdempotencyConflictError when it is another
 */
export function assertSameRequest(
  { runId, kind, selection }: RunState,
  key: string | null,
  asked: string,
  isSame: boolean,
): void {
  if (isSame) return;
  throw new IdempotencyConflictError(
    `Idempotency-Key ${JSON.stringify(key)} already stands for the ${kind} run ${runId} of ${
      describeSelection(selection)
    }, not for ${asked}`,
  );
}
