/** The common parts of the API's OpenAPI description, and how a request that does not match its schema is refused. */
import { createRoute, type Hook, OpenAPIHono, type RouteConfig, z } from "@hono/zod-openapi";
import type { Env } from "hono";
import { Problem, PROBLEMS, type ProblemType } from "./problem.ts";

/** The app that all routes are added to. */
export type Api = OpenAPIHono;

/** An app whose routes answer with a problem of status 400 when parameters or body do not match. */
export function createOpenApiApp(): Api {
  return new OpenAPIHono({ defaultHook: refuse });
}

const PLACES: Record<string, string> = {
  query: "query parameter",
  param: "path parameter",
  header: "header",
  json: "field",
};

const refuse: Hook<unknown, Env, string, unknown> = (result) => {
  if (result.success) return;
  const issue = result.error.issues[0];
  const place = PLACES[result.target] ?? result.target;
  if (issue?.code === "unrecognized_keys") {
    throw new Problem("bad-request", `there is no ${place} ${issue.keys.join(", ")}; see /docs`);
  }
  throw new Problem(
    "bad-request",
    `${place} ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "does not match"}`,
  );
};

/** The body of every error. */
export const problemSchema = z.object({
  type: z.string().openapi({ description: "Path of the page about this kind of problem." }),
  title: z.string(),
  status: z.int(),
  detail: z.string().openapi({ description: "What went wrong, in plain words, with the values." }),
  instance: z.string(),
  request_id: z.string().optional(),
}).openapi("Problem");

/** The problems that a call may answer with, for its `responses`. */
export function problems(...types: ProblemType[]) {
  const byStatus = Map.groupBy(types, (type) => PROBLEMS[type].status);
  return Object.fromEntries(
    [...byStatus].map(([status, of]) => [status, {
      description: of.map((type) => PROBLEMS[type].title).join("; "),
      content: { "application/problem+json": { schema: problemSchema } },
    }]),
  );
}

/** A JSON answer, for `responses`. */
export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { "application/json": { schema } } };
}

type RequestParts = NonNullable<RouteConfig["request"]>;

interface Described {
  readonly summary: string;
  readonly description?: string;
  readonly tags: string[];
}

/** A call that only reads: its answer is JSON, or a problem of these types. */
export function readingRoute<
  Path extends string,
  Parts extends RequestParts,
  Answer extends z.ZodType,
>(
  path: Path,
  about: Described,
  request: Parts,
  answer: Answer,
  ...types: ProblemType[]
) {
  const responses = { 200: json(answer, about.summary), ...problems(...types, "unavailable") };
  return createRoute({ method: "get", path, ...about, request, responses });
}

/** A call that changes something, with its regular answers, and the problem types that not every such call has. */
export function changingRoute<
  Path extends string,
  Parts extends RequestParts,
  Answers extends RouteConfig["responses"],
>(
  path: Path,
  about: Described,
  request: Parts,
  answers: Answers,
  ...types: ProblemType[]
) {
  const responses = { ...answers, ...problems(...CHANGING, ...types) };
  return createRoute({ method: "post", path, ...about, security: TOKEN, request, responses });
}

const TOKEN: { token: string[] }[] = [{ token: [] }];

/** Problems that any changing call may answer with. */
const CHANGING = [
  "unauthorized",
  "forbidden-origin",
  "too-many-requests",
  "unavailable",
] as const satisfies readonly ProblemType[];
