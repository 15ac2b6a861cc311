/**
 * Headers for browsers on every answer: it must not be run, framed, sniffed or shared with other sites. Pages that need more (the
 * dashboard, the API's description) set their own policy first.
 */
import type { MiddlewareHandler } from "hono";

/** For data: nothing may be loaded or run, and no page may embed it. https://www.w3.org/TR/CSP3/ */
const DATA_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: readonly (readonly [name: string, value: string])[] = [
  ["cross-origin-opener-policy", "same-origin"],
  ["cross-origin-resource-policy", "same-origin"],
  ["permissions-policy", "camera=(), geolocation=(), microphone=()"],
  ["referrer-policy", "no-referrer"],
  ["x-content-type-options", "nosniff"],
  // For browsers that don't know frame-ancestors.
  ["x-frame-options", "DENY"],
];

/** Adds the headers. There are no CORS headers: no other site may read the answers. */
export function securityHeaders(): MiddlewareHandler {
  return async (context, next) => {
    await next();
    const { headers } = context.res;
    for (const [name, value] of HEADERS) headers.set(name, value);
    if (!headers.has("content-security-policy")) headers.set("content-security-policy", DATA_CSP);
  };
}
