// Calls to the API. Reading needs no token; a call that changes something sends one, and asks the user for it when it is missing or
// wrong. The token stays in this tab (sessionStorage) and is sent only to the API.

const TOKEN_KEY = "gmn-api-token";

/** A failed call: the API's own description of the problem (RFC 9457), or why there was no answer. */
export class ApiError extends Error {
  /** @param {number} status 0 when there was no answer @param {string} message */
  constructor(status, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/** Asks the user for the token; null when none is given. @type {(reason: string) => Promise<string | null>} */
let askForToken = () => Promise.resolve(null);

/** @param {(reason: string) => Promise<string | null>} ask */
export function setTokenDialog(ask) {
  askForToken = ask;
}

/** Keeps the token, or forgets it. @param {string | null} token null forgets it */
export function keepToken(token) {
  if (token === null) sessionStorage.removeItem(TOKEN_KEY);
  else sessionStorage.setItem(TOKEN_KEY, token);
}

/**
 * Reads JSON. The caller states the type of the answer, as the API documents it.
 * @template Answer
 * @param {string} path @param {AbortSignal} [signal]
 * @returns {Promise<Answer>} the JSON of the answer
 * @throws {ApiError} for any other answer, or none
 */
export async function getJson(path, signal) {
  const response = await reach(path, { signal, headers: { accept: "application/json" } });
  if (!response.ok) throw await problemOf(response);
  return await response.json();
}

/**
 * A call that changes something. A 401 asks for a token, until it is right or the user gives up.
 * @template Answer
 * @param {string} path @param {unknown} [body]
 * @returns {Promise<Answer>} the JSON of the answer
 * @throws {ApiError} for any other answer, or none
 */
export async function post(path, body) {
  for (;;) {
    const token = sessionStorage.getItem(TOKEN_KEY);
    const response = await reach(path, {
      method: "POST",
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    if (response.ok) return await response.json();
    const problem = await problemOf(response);
    if (response.status !== 401) throw problem;
    keepToken(null);
    const given = await askForToken(
      token === null ? "This service requires its API token." : "That was not the right token.",
    );
    if (given === null) throw problem;
    keepToken(given);
  }
}

/** @param {string} path @param {RequestInit} init */
async function reach(path, init) {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(
      0,
      "The service is not responding. Is it running? This page retries automatically.",
    );
  }
}

/** @param {Response} response */
async function problemOf(response) {
  let detail = `The service answered ${response.status} ${response.statusText}.`;
  try {
    const problem = await response.json();
    if (typeof problem.detail === "string") detail = problem.detail;
  } catch {
    // Not a problem document: an error page of a proxy, for example.
  }
  return new ApiError(response.status, detail);
}

/** @type {Promise<Set<string>> | null} */
let calls = null;

/** Whether the API has a call, such as `POST /dead-letters/{id}/replay`. @param {string} method @param {RegExp} path */
export async function apiHas(method, path) {
  calls ??= readCalls().catch(() => {
    calls = null;
    return new Set();
  });
  return [...await calls].some((call) =>
    call.startsWith(`${method} `) && path.test(call.slice(method.length + 1))
  );
}

/** Every call that the API documents, such as `GET /runs`. @returns {Promise<Set<string>>} */
async function readCalls() {
  const { paths = {} } = /** @type {{ paths?: Record<string, object> }} */ (
    await getJson("/openapi.json")
  );
  return new Set(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
    ),
  );
}
