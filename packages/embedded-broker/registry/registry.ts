/**
 * The schema registry's HTTP surface: the part of Confluent's REST API that Redpanda has, for Avro.
 *
 * Each route reads its parameters, calls one method of `Subjects` or `Settings`, and shapes the answer; whatever is
 * refused arrives as a `RegistryError` and leaves as `{"error_code", "message"}`. Once a body is read, a request is
 * handled without waiting, so requests follow one another and each sees all that came before.
 * `docs/embedded-registry.md` lists the endpoints and what is left out.
 */
import type { DatabaseSync } from "node:sqlite";
import { type Context, Hono } from "hono";
import { answerType, checkBodyType, registryJson } from "./content_type.ts";
import type { ExactJsonObject } from "./exact_json.ts";
import {
  badParameter,
  idNotFound,
  invalidVersion,
  RegistryError,
  routeNotFound,
} from "./registry_error.ts";
import { RegistryStore, type StoredSchema, wholeRegistry } from "./registry_store.ts";
import { readBody, toLevel, toMode, toSentSchema } from "./request_body.ts";
import { Settings } from "./settings.ts";
import { MAX_ID, Subjects, type SubjectVersion } from "./subjects.ts";

/** A registry: a function from request to answer, for any server to mount. */
export interface Registry {
  fetch(request: Request): Response | Promise<Response>;
}

export interface RegistryOptions {
  /** Where it keeps its tables. The caller sets the database's durability and closes it. */
  db: DatabaseSync;
  /** Told of an error that is the registry's own fault (the client gets a 500), for the owner's log. */
  onFault?: (error: Error) => void;
}

/**
 * A registry over a database whose handle it may share: its transactions begin and end within one turn of the event
 * loop, and the owner's must too.
 */
export function createRegistry({ db, onFault }: RegistryOptions): Registry {
  const store = new RegistryStore(db);
  const settings = new Settings(store);
  const subjects = new Subjects(store, settings);
  const app = new Hono();
  // Before anything is done: an answer nobody can take must not follow a write.
  app.use((c, next) => {
    answerType(c.req.raw);
    return next();
  });
  routeSchemas(app, subjects);
  routeSubjects(app, subjects);
  routeVersions(app, subjects);
  routeCompatibility(app, subjects);
  routeLevels(app, settings);
  routeModes(app, settings);
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
  app.get("/schemas/ids/:id", (c) => answer(c, schemaBody(subjects.schema(id(c)))));
  app.get("/schemas/ids/:id/schema", (c) => answerText(c, subjects.schema(id(c)).text));
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
    const sent = toSentSchema(await body(c));
    const found = subjects.lookUp(subject(c), sent, flag(c, "normalize"), flag(c, "deleted"));
    return answer(c, versionBody(found));
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
    const sent = toSentSchema(await body(c));
    return answer(c, { id: subjects.register(subject(c), sent, flag(c, "normalize")) });
  });
  app.get(`${path}/:version`, (c) => answer(c, versionBody(found(c))));
  app.get(`${path}/:version/schema`, (c) => answerText(c, found(c).schema.text));
  // Redpanda's own tests ask for referencedBy, its documentation and Confluent's clients for referencedby.
  for (const name of ["referencedby", "referencedBy"]) {
    app.get(`${path}/:version/${name}`, (c) => {
      return answer(c, subjects.referencedBy(subject(c), version(c)));
    });
  }
  app.delete(`${path}/:version`, (c) => {
    const deleted = subjects.deleteVersion(subject(c), exactVersion(c), flag(c, "permanent"));
    return answer(c, deleted);
  });
}

function routeCompatibility(app: Hono, subjects: Subjects): void {
  app.post("/compatibility/subjects/:subject/versions/:version", async (c) => {
    const sent = toSentSchema(await body(c));
    if (!flag(c, "verbose")) {
      const messages = subjects.compare(subject(c), exactVersion(c), sent);
      return answer(c, { is_compatible: messages.length === 0 });
    }
    const messages = orReason(() => subjects.compare(subject(c), exactVersion(c), sent));
    return answer(c, { is_compatible: messages.length === 0, messages });
  });
}

/** Who asks for reasons is told of a schema that is not one as a reason, and not refused. As in Redpanda. */
function orReason(compare: () => string[]): string[] {
  try {
    return compare();
  } catch (error) {
    const isOfSchema = error instanceof RegistryError && [422, 42201].includes(error.code);
    if (isOfSchema) return [error.message];
    throw error;
  }
}

function routeLevels(app: Hono, settings: Settings): void {
  app.get("/config", (c) => answer(c, { compatibilityLevel: settings.globalLevel() }));
  app.put("/config", async (c) => {
    const compatibility = toLevel(await body(c));
    settings.setLevel(wholeRegistry, compatibility);
    return answer(c, { compatibility });
  });
  app.get("/config/:subject", (c) => {
    const level = settings.subjectLevel(subject(c), flag(c, "defaultToGlobal"));
    return answer(c, { compatibilityLevel: level });
  });
  app.put("/config/:subject", async (c) => {
    const compatibility = toLevel(await body(c));
    settings.setLevel(subject(c), compatibility);
    return answer(c, { compatibility });
  });
  app.delete("/config/:subject", (c) => {
    return answer(c, { compatibilityLevel: settings.removeLevel(subject(c)) });
  });
}

function routeModes(app: Hono, settings: Settings): void {
  app.get("/mode", (c) => answer(c, { mode: settings.globalMode() }));
  app.put("/mode", async (c) => {
    const mode = toMode(await body(c));
    settings.setMode(wholeRegistry, mode, flag(c, "force"));
    return answer(c, { mode });
  });
  app.get("/mode/:subject", (c) => {
    return answer(c, { mode: settings.subjectMode(subject(c), flag(c, "defaultToGlobal")) });
  });
  app.put("/mode/:subject", async (c) => {
    const mode = toMode(await body(c));
    settings.setMode(subject(c), mode, flag(c, "force"));
    return answer(c, { mode });
  });
  app.delete("/mode/:subject", (c) => answer(c, { mode: settings.removeMode(subject(c)) }));
}

// Parameters.

/** Names longer than this are no topic's: Kafka allows 249 characters, and strategies add a record's name. */
const MAX_SUBJECT_CHARACTERS = 1_024;

function subject(c: Context): string {
  const name = c.req.param("subject") ?? "";
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  if (name === "" || name.length > MAX_SUBJECT_CHARACTERS || /[\u0000-\u001f\u007f]/.test(name)) {
    throw badParameter(
      "subject",
      name.slice(0, MAX_SUBJECT_CHARACTERS),
      `1 to ${MAX_SUBJECT_CHARACTERS} characters, none of them a control character`,
    );
  }
  if (name.startsWith(":.")) {
    throw badParameter("subject", name, "a plain name: contexts are left out of this registry");
  }
  return name;
}

function id(c: Context): number {
  const text = c.req.param("id") ?? "";
  if (!/^[0-9]{1,15}$/.test(text)) throw badParameter("id", text, "a whole number");
  const value = Number(text);
  if (value > MAX_ID) throw idNotFound(value);
  return value;
}

/** `undefined` for the latest. */
function version(c: Context): number | undefined {
  return c.req.param("version") === "-1" ? undefined : exactVersion(c);
}

/** As `version`, where Redpanda does not take -1: deleting and comparing. */
function exactVersion(c: Context): number | undefined {
  const text = c.req.param("version") ?? "";
  if (text === "latest") return undefined;
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > MAX_ID) throw invalidVersion(text);
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

// Answers. Keys and their order are Redpanda's.

function schemaBody({ text, references }: StoredSchema) {
  return references.length === 0 ? { schema: text } : { schema: text, references };
}

function versionBody({ subject, version, id, schema: { text, references } }: SubjectVersion) {
  const named = { subject, version, id };
  return references.length === 0
    ? { ...named, schema: text }
    : { ...named, references, schema: text };
}

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
