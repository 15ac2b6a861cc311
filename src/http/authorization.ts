/**
 * Who may make changes: callers with the token when one is set, and never a page of another site.
 *
 * Without a token the service listens only on loopback (`config.ts` refuses anything else), but a browser on this machine sends
 * requests of any web page to loopback. So a changing request that names an origin must name ours, and without a token the Host
 * must be a loopback name too (otherwise a site could point its own name at 127.0.0.1: DNS rebinding).
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { Problem } from "./problem.ts";

const LOOPBACK_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

/** Lets a changing request pass, or answers 401 or 403. `apiToken` null means that none is set. */
export function authorization(apiToken: string | null): MiddlewareHandler {
  const expected = apiToken === null ? null : digest(apiToken);
  return async (context, next) => {
    const host = context.req.header("host") ?? "";
    const origin = context.req.header("origin");
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
      throw new Problem(
        "forbidden-origin",
        `the request comes from a page of ${origin}, not of ${host}`,
      );
    }
    if (expected === null) {
      if (!LOOPBACK_HOST.test(host)) {
        throw new Problem(
          "forbidden-origin",
          `without API_TOKEN only requests to a loopback name are served, not to ${host}`,
        );
      }
    } else {
      const given = /^Bearer +(\S+)$/i.exec(context.req.header("authorization") ?? "")?.[1];
      if (given === undefined) {
        throw new Problem("unauthorized", "send the token as `Authorization: Bearer …`");
      }
      // Digests all have the same length, and comparing them takes the same time for any wrong token.
      if (!timingSafeEqual(digest(given), expected)) {
        throw new Problem("unauthorized", "the token is wrong");
      }
    }
    await next();
  };
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
