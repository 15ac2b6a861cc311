/**
 * Calls a registry directly, without a server, for the tests of its HTTP surface.
 */
import { DatabaseSync } from "node:sqlite";
import { expect } from "vitest";
import { createRegistry } from "../registry/registry.ts";

/** Status and parsed body of an answer; the caller states the type of the body. */
export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}

/** A registry on a database in memory, with functions to call it. */
export function openTestRegistry(db = new DatabaseSync(":memory:")) {
  const { fetch } = createRegistry({ db });

  async function call<Body = unknown>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Answer<Body>> {
    const response = await fetch(
      new Request(`http://registry${path}`, {
        method,
        ...(body === undefined ? {} : {
          body: typeof body === "string" ? body : JSON.stringify(body),
          headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
        }),
      }),
    );
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  return {
    fetch,
    call,
    get: <Body = unknown>(path: string) => call<Body>("GET", path),
    post: (path: string, body: unknown) => call("POST", path, body),
    put: (path: string, body: unknown) => call("PUT", path, body),
    delete: (path: string) => call("DELETE", path),
    /** Registers a schema and returns its id; fails the test if it is refused. */
    async register(subject: string, schema: unknown, more: Record<string, unknown> = {}) {
      const { status, body } = await call<{ id: number }>(
        "POST",
        `/subjects/${subject}/versions`,
        sent(schema, more),
      );
      if (status !== 200) throw new Error(`not registered: ${JSON.stringify(body)}`);
      return body.id;
    },
  };
}

/** A body with a schema. */
export const sent = (schema: unknown, more: Record<string, unknown> = {}) => ({
  schema: JSON.stringify(schema),
  ...more,
});

const field = (name: string, rest: Record<string, unknown> = {}) => ({
  name,
  type: "string",
  ...rest,
});
const record = (...fields: unknown[]) => ({ type: "record", name: "Walk", fields });

/** A first schema; one that is compatible with it at every level; one that can't read data of the first. */
export const first = record(field("f1"));
export const withDefault = record(field("f1"), field("f2", { default: "foo" }));
export const withoutDefault = record(field("f1"), field("f2"));

/** The answer with this error: HTTP status, Confluent's error code and, where it matters, the message. */
export const error = (
  status: number,
  error_code: number,
  message: unknown = expect.any(String),
) => ({ status, body: { error_code, message } });
