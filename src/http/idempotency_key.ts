/** The header Idempotency-Key: the same key stands for the same request, so that a request may be repeated. */
import type { Context } from "hono";
import { Problem } from "./problem.ts";

/** A caller's key is kept forever; UUIDs and similar keys are far shorter. */
const IDEMPOTENCY_KEY_MAX_CHARACTERS = 200;

/** The header Idempotency-Key. @throws Problem when it is empty or too long */
export function idempotencyKey(context: Context): string | null {
  const key = context.req.header("idempotency-key") ?? null;
  if (key !== null && (key.length === 0 || key.length > IDEMPOTENCY_KEY_MAX_CHARACTERS)) {
    throw new Problem(
      "bad-request",
      `Idempotency-Key must have 1 to ${IDEMPOTENCY_KEY_MAX_CHARACTERS} characters`,
    );
  }
  return key;
}
