/** The checks before every route: limits, and the headers for browsers. */
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { Problem, problemResponse } from "./problem.ts";
import { rateLimit } from "./rate_limit.ts";
import { securityHeaders } from "./security_headers.ts";
import { Slots } from "./slots.ts";
import { smallBody } from "./small_body.ts";

function appWith(...handlers: Parameters<Hono["use"]>[1][]): Hono {
  const app = new Hono();
  for (const handler of handlers) app.use("*", handler);
  app.all("/", async (context) => context.text(await context.req.text()));
  app.all("/page", (context) => {
    context.header("content-security-policy", "default-src 'self'");
    return context.text("");
  });
  app.onError((error, context) =>
    error instanceof Problem
      ? problemResponse(context, error.type, error.message)
      : context.text(String(error), 500)
  );
  return app;
}

const post = (body: BodyInit): RequestInit => ({ method: "POST", body });

describe("a small body", () => {
  const app = appWith(smallBody(10, 50));

  test("is read completely and passed on", async () => {
    expect(await (await app.request("/", post("0123456789"))).text()).toBe("0123456789");
  });

  test("that is too large is 413, whatever size it declares", async () => {
    expect((await app.request("/", post("0123456789a"))).status).toBe(413);
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(4)),
    });
    expect((await app.request("/", post(stream))).status).toBe(413);
  });

  test("that does not arrive is 408, and is cancelled", async () => {
    const { promise: cancelled, resolve } = Promise.withResolvers<void>();
    const silent = new ReadableStream({ cancel: () => resolve() });
    expect((await app.request("/", post(silent))).status).toBe(408);
    await cancelled;
  });
});

test("changing calls have a rate limit: a burst, then as many as time allows", async () => {
  let now = 0;
  const app = appWith(rateLimit({ burst: 2, perSecond: 1, now: () => now }));
  const status = async () => (await app.request("/", post(""))).status;
  expect([await status(), await status(), await status()]).toEqual([200, 200, 429]);
  now = 1000;
  expect([await status(), await status()]).toEqual([200, 429]);
  now = 1_000_000;
  expect([await status(), await status(), await status()]).toEqual([200, 200, 429]);
});

test("browsers may do nothing with an answer except what a page's own policy allows", async () => {
  const app = appWith(securityHeaders());
  const { headers } = await app.request("/");
  expect(headers.get("content-security-policy")).toMatch(
    /default-src 'none'.*frame-ancestors 'none'/,
  );
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("access-control-allow-origin")).toBeNull();
  expect((await app.request("/page")).headers.get("content-security-policy"))
    .toBe("default-src 'self'");
});

test("slots are released once", () => {
  const slots = new Slots("things", 1);
  const release = slots.take();
  expect(() => slots.take()).toThrow(/1 things/);
  release();
  release();
  slots.take();
  expect(slots.taken).toBe(1);
});
