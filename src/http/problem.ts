/**
 * Errors of the API as `application/problem+json` (RFC 9457): a type, a title, and in `detail` the reason in plain words.
 *
 * The type is a path of this service, `/errors/TYPE`, which answers with that section of `docs/errors.md`. So it works offline, and
 * matches the version that reported the error.
 */
import type { Context } from "hono";

/** The kinds of problem the API answers with. The page `docs/errors.md` has a section for each. */
export const PROBLEMS = {
  "bad-request": { status: 400, title: "The request can't be understood" },
  "unauthorized": { status: 401, title: "A valid token is needed" },
  "forbidden-origin": { status: 403, title: "The request comes from another site" },
  "not-found": { status: 404, title: "Not found" },
  "timeout": { status: 408, title: "The request did not arrive in time" },
  "conflict": {
    status: 409,
    title: "The request conflicts with an earlier one, or with the current state",
  },
  "too-large": { status: 413, title: "The request is too large" },
  "unsupported-media-type": { status: 415, title: "The request's content type is not supported" },
  "unprocessable": { status: 422, title: "The content could not be read to its end" },
  "too-many-requests": { status: 429, title: "There are too many requests at once" },
  "internal": { status: 500, title: "The service failed" },
  "unavailable": { status: 503, title: "A part of the service is unavailable right now" },
} as const;

export type ProblemType = keyof typeof PROBLEMS;

/** Seconds after which to retry, where waiting may help. */
const RETRY_AFTER_S: Partial<Record<ProblemType, number>> = {
  "too-many-requests": 10,
  "unavailable": 5,
};

/** Thrown by handlers; the app answers with it. */
export class Problem extends Error {
  override readonly name = "Problem";
  /** `members`: additional members of the answer, such as what was done before the failure. */
  constructor(
    readonly type: ProblemType,
    detail: string,
    readonly members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }
}

/** The path that explains a kind of problem. */
export function problemPath(type: ProblemType): string {
  return `/errors/${type}`;
}

/** The answer for a problem. */
export function problemResponse(
  context: Context,
  type: ProblemType,
  detail: string,
  members: Readonly<Record<string, unknown>> = {},
): Response {
  const { status, title } = PROBLEMS[type];
  const body = {
    ...members,
    type: problemPath(type),
    title,
    status,
    detail,
    instance: context.req.path,
    request_id: context.get("requestId"),
  };
  const retryAfter_s = RETRY_AFTER_S[type];
  if (retryAfter_s !== undefined) context.header("retry-after", String(retryAfter_s));
  if (type === "unauthorized") context.header("www-authenticate", "Bearer");
  return context.body(JSON.stringify(body), status, { "content-type": "application/problem+json" });
}
