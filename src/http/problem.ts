/**
 * Errors of the API as `application/problem+json` (RFC 9457): a type, a title, and in `detail` the reason in plain words.
 */
import type { Context } from "hono";

/** The kinds of problem the API answers with. The page `docs/errors.md` has a section for each. */
export const PROBLEMS = {
  "bad-request": { status: 400, title: "The request can't be understood" },
  "unauthorized": { status: 401, title: "A valid token is needed" },
  "forbidden-origin": { status: 403, title: "The request comes from another site" },
  "not-found": { status: 404, title: "There is no such thing" },
  "conflict": { status: 409, title: "The request does not go with what was before" },
  "too-large": { status: 413, title: "The request is too large" },
  "unsupported-media-type": { status: 415, title: "The request's content type is not supported" },
  "timeout": { status: 408, title: "The request did not arrive in time" },
  "too-many-requests": { status: 429, title: "There are too many requests at once" },
  "unavailable": { status: 503, title: "A part of the service is not available right now" },
  "internal": { status: 500, title: "The service failed" },
} as const;

export type ProblemType = keyof typeof PROBLEMS;

/** Thrown by handlers; the app answers with it. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly type: ProblemType;
  constructor(type: ProblemType, detail: string) {
    super(detail);
    this.type = type;
  }
}

/** The answer for a problem. */
export function problemResponse(context: Context, type: ProblemType, detail: string): Response {
  const { status, title } = PROBLEMS[type];
  const body = {
    type: `urn:gmn:problem:${type}`,
    title,
    status,
    detail,
    instance: context.req.path,
  };
  return context.body(JSON.stringify(body), status, { "content-type": "application/problem+json" });
}
