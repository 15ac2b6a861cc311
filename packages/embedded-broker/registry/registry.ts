/**
 * The schema registry's HTTP surface: the part of Confluent's REST API that Redpanda has, for Avro.
 *
 * Each route reads its parameters, calls one method of `Subjects`, and shapes the answer. A refusal is thrown as a
 * `RegistryError` and sent as `{"error_code", "message"}`. Once its body is read, a request is handled synchronously, so
 * requests run one after another and each sees the effects of all earlier ones.
 * `docs/embedded-registry.md` lists the endpoints and what is left out.
 */
import type { DatabaseSync } from "node:sqlite";
import { type Context, Hono } from "hono";
import { answerType, checkBodyType, registryJson } from "./content_type.ts";
import type { ExactJsonObject } from "./exact_json.ts";
import { badParameter, invalidVersion, RegistryError, routeNotFound } from "./registry_error.ts";
import { RegistryStore, wholeRegistry } from "./registry_store.ts";
import { readBody, toLevel, toSchemaText } from "./request_body.ts";
import { Subjects } from "./subjects.ts";

/** A registry: a function from request to answer, which any server can mount. */
export interface Registry {
  fetch(request: Request): Response | Promise<Response>;
}

export interface RegistryOptions {
  /** The database for its tables. The caller sets the database's durability and closes it. */
  db: DatabaseSync;
  /** Called with an internal error of the registry (the client gets a 500), for the owner's log. */
  onFault?: (error: Error) => void;
}

/**
 * A registry on a database whose handle it may share: its transactions begin and end within one turn of the event
 * loop, and so must the owner's.
 */
export function createRegistry({ db, onFault }: RegistryOptions): Registry {
  const store = new RegistryStore(db);
  const subjects = new Subjects(store);
  const app = new Hono();
  // Checked first: a write must not happen if the client can't accept the answer.
  app.use((c, next) => {
    answerType(c.req.raw);
    return next();
  });
  routeSchemas(app, subjects);
  routeSubjects(app, subjects);
  routeVersions(app, subjects);
  routeLevels(app, subjects);
  // Clients request the mode. It never changes, because other modes are not supported.
  app.get("/mode", (c) => answer(c, { mode: "READWRITE" }));
  app.get("/status/ready", () => new Response(null, { status: 200 }));
  app.notFound(() => refuse(routeNotFound()));
  app.onError((error) => {
    if (error instanceof RegistryError) return refuse(error);
    onFault?.(error);
    return refuse(new RegistryError(500, `Internal Server Error: ${error.message}`));
  });
  return { fetch: (request) => app.fetch(request) };
}

function routeSchemas(app: Hono, subjects: Subjects): void {
  app.get("/schemas/types", (c) => answer(c, ["AVRO"]));
  app.get("/schemas/ids/:id", (c) => answer(c, { schema: subjects.schema(id(c)) }));
  app.get("/schemas/ids/:id/schema", (c) => answerText(c, subjects.schema(id(c))));
  app.get(
    "/schemas/ids/:id/versions",
    (c) => answer(c, subjects.usesOf(id(c), flag(c, "deleted"))),
  );
  app.get("/schemas/ids/:id/subjects", (c) => {
    const uses = subjects.usesOf(id(c), flag(c, "deleted"));
    return answer(c, [...new Set(uses.map(({ subject }) => subject))]);
  });
}

function routeSubjects(app: Hono, subjects: Subjects): void {
  app.get("/subjects", (c) => {
    return answer(c, subjects.subjects(c.req.query("subjectPrefix") ?? "", flag(c, "deleted")));
  });
  app.post("/subjects/:subject", async (c) => {
    const schema = toSchemaText(await body(c));
    return answer(c, subjects.lookUp(subject(c), schema, flag(c, "deleted")));
  });
  app.delete("/subjects/:subject", (c) => {
    return answer(c, subjects.deleteSubject(subject(c), flag(c, "permanent")));
  });
}

function routeVersions(app: Hono, subjects: Subjects): void {
  const path = "/subjects/:subject/versions";
  const found = (c: Context) => subjects.version(subject(c), version(c), flag(c, "deleted"));
  app.get(path, (c) => answer(c, subjects.versions(subject(c), flag(c, "deleted"))));
  app.post(path, async (c) => {
    const schema = toSchemaText(await body(c));
    return answer(c, { id: subjects.register(subject(c), schema) });
  });
  app.get(`${path}/:version`, (c) => answer(c, found(c)));
  app.get(`${path}/:version/schema`, (c) => answerText(c, found(c).schema));
  app.delete(`${path}/:version`, (c) => {
    const deleted = subjects.deleteVersion(subject(c), exactVersion(c), flag(c, "permanent"));
    return answer(c, deleted);
  });
  app.post("/compatibility/subjects/:subject/versions/:version", async (c) => {
    const schema = toSchemaText(await body(c));
    const isVerbose = flag(c, "verbose");
    const messages = subjects.compare(subject(c), exactVersion(c), schema);
    const verdict = { is_compatible: messages.length === 0 };
    return answer(c, isVerbose ? { ...verdict, messages } : verdict);
  });
}

function routeLevels(app: Hono, subjects: Subjects): void {
  app.get("/config", (c) => answer(c, { compatibilityLevel: subjects.levelOf(wholeRegistry) }));
  app.put("/config", async (c) => {
    const compatibility = toLevel(await body(c));
    subjects.setLevel(wholeRegistry, compatibility);
    return answer(c, { compatibility });
  });
  app.get("/config/:subject", (c) => {
    const level = subjects.subjectLevel(subject(c), flag(c, "defaultToGlobal"));
    return answer(c, { compatibilityLevel: level });
  });
  app.put("/config/:subject", async (c) => {
    const compatibility = toLevel(await body(c));
    subjects.setLevel(subject(c), compatibility);
    return answer(c, { compatibility });
  });
  app.delete("/config/:subject", (c) => {
    return answer(c, { compatibilityLevel: subjects.removeLevel(subject(c)) });
  });
}

// Parameters.

/** Enough for any subject: Kafka allows topic names of 249 characters, and naming strategies add a record's name. */
const MAX_SUBJECT_CHARACTERS = 1_024;

function subject(c: Context): string {
  const name = c.req.param("subject") ?? "";
  // deno-lint-ignore no-control-regex -- the pattern detects control characters
  const isPlain = !/[\u0000-\u001f\u007f]/.test(name) && !name.startsWith(":.");
  if (isPlain && name !== "" && name.length <= MAX_SUBJECT_CHARACTERS) return name;
  const expected =
    `1 to ${MAX_SUBJECT_CHARACTERS} characters, without control characters or context`;
  throw badParameter("subject", name.slice(0, MAX_SUBJECT_CHARACTERS), expected);
}

function id(c: Context): number {
  const text = c.req.param("id") ?? "";
  if (!/^[0-9]{1,15}$/.test(text)) throw badParameter("id", text, "a whole number");
  return Number(text);
}

/** All clients use 32-bit signed integers for versions. */
const MAX_VERSION = 2 ** 31 - 1;

/** `undefined` means the latest. */
function version(c: Context): number | undefined {
  return c.req.param("version") === "-1" ? undefined : exactVersion(c);
}

/** Like `version`, for deleting and comparing, where Redpanda does not accept -1. */
function exactVersion(c: Context): number | undefined {
  const text = c.req.param("version") ?? "";
  if (text === "latest") return undefined;
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > MAX_VERSION) throw invalidVersion(text);
  return value;
}

function flag(c: Context, name: string): boolean {
  const text = c.req.query(name)?.toLowerCase();
  if (text === undefined || text === "" || text === "false" || text === "0") return false;
  if (text === "true" || text === "1") return true;
  throw badParameter(name, text, "true or false");
}

function body(c: Context): Promise<ExactJsonObject> {
  checkBodyType(c.req.raw);
  return readBody(c.req.raw);
}

// Answers.

function answer(c: Context, json: unknown): Response {
  return answerText(c, JSON.stringify(json));
}

function answerText(c: Context, json: string): Response {
  return new Response(json, { headers: { "content-type": answerType(c.req.raw) } });
}

function refuse({ status, code, message }: RegistryError): Response {
  return new Response(JSON.stringify({ error_code: code, message }), {
    status,
    headers: { "content-type": registryJson },
  });
}
