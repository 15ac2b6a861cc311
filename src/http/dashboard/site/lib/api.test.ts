import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ApiError, apiHas, getJson, keepToken, post, setTokenDialog } from "./api.js";

const TOKEN = "the-token";
const asked: { path: string; init: RequestInit }[] = [];
/** The API's next answer. */
let answer: (path: string, init: RequestInit) => Response | Promise<Response>;

/** Answers as the API does: a problem without the right token, otherwise the body that was sent. */
function guarded(_: string, init: RequestInit) {
  const given = new Headers(init.headers).get("authorization");
  return given === `Bearer ${TOKEN}`
    ? Response.json({ sent: init.body ?? null })
    : Response.json({ detail: "a token is needed" }, { status: 401 });
}

beforeEach(() => {
  asked.length = 0;
  const kept = new Map<string, string>();
  vi.stubGlobal("sessionStorage", {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => kept.set(name, value),
    removeItem: (name: string) => kept.delete(name),
  });
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    asked.push({ path, init });
    return await answer(path, init);
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  setTokenDialog(() => Promise.resolve(null));
});

describe("reading", () => {
  test("returns the JSON, and sends no token", async () => {
    keepToken(TOKEN);
    answer = () => Response.json({ meteors: 3 });
    expect(await getJson("/statistics/totals")).toEqual({ meteors: 3 });
    expect(new Headers(asked[0]!.init.headers).has("authorization")).toBe(false);
  });

  test("reports the API's description of a problem, or the status of any other page", async () => {
    answer = () => Response.json({ detail: "there is no run x" }, { status: 404 });
    await expect(getJson("/runs/x")).rejects.toEqual(new ApiError(404, "there is no run x"));
    answer = () => new Response("<html>", { status: 502, statusText: "Bad Gateway" });
    await expect(getJson("/runs")).rejects.toMatchObject({
      status: 502,
      message: "The service answered 502 Bad Gateway.",
    });
  });

  test("no answer is status 0; an aborted request rejects with the reason of the abort", async () => {
    answer = () => Promise.reject(new TypeError("Failed to fetch"));
    await expect(getJson("/runs")).rejects.toMatchObject({ status: 0 });
    answer = () => Promise.reject(new DOMException("ended", "AbortError"));
    await expect(getJson("/runs")).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("a call that changes something", () => {
  test("asks for the token until it is right, and keeps it", async () => {
    answer = guarded;
    const reasons: string[] = [];
    setTokenDialog((reason) => {
      reasons.push(reason);
      return Promise.resolve(reasons.length === 1 ? "wrong" : TOKEN);
    });
    expect(await post("/backfill", { all: true })).toEqual({ sent: '{"all":true}' });
    expect(reasons).toEqual([
      "This service requires its API token.",
      "That was not the right token.",
    ]);
    expect(await post("/extract")).toEqual({ sent: null });
    expect(reasons).toHaveLength(2);
  });

  test("ends with the API's problem when the user gives no token", async () => {
    answer = guarded;
    keepToken("old");
    await expect(post("/extract")).rejects.toEqual(new ApiError(401, "a token is needed"));
    expect(sessionStorage.getItem("gmn-api-token")).toBeNull();
  });
});

test("the list of the API's calls is read once it is available", async () => {
  answer = () => new Response("", { status: 503 });
  expect(await apiHas("POST", /^\/extract$/)).toBe(false);
  answer = () => Response.json({ paths: { "/extract": { post: {} }, "/runs": { get: {} } } });
  expect(await apiHas("POST", /^\/extract$/)).toBe(true);
  expect(await apiHas("POST", /^\/runs$/)).toBe(false);
  expect(asked).toHaveLength(2);
});
