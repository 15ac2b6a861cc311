/**
 * The registry's answer when it refuses a request: an HTTP status, an error code and a sentence.
 *
 * Codes and sentences are Redpanda's (its `schema_registry/error.cc` and `errors.h`), because clients branch on the
 * code and people search for the sentence. Codes above 1000 are the HTTP status followed by two digits.
 */

/** A refusal, as the client gets it: `{"error_code": …, "message": …}` with `status`. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  constructor(readonly code: number, message: string) {
    super(message);
  }

  /** The HTTP status of the code: 404 for `40401`, 409 for `409`. */
  get status(): number {
    return this.code < 1000 ? this.code : Math.floor(this.code / 100);
  }
}

export const badParameter = (name: string, value: string, expected: string) =>
  new RegistryError(40002, `Invalid parameter '${name}' got '${value}', expected ${expected}`);

export const routeNotFound = () => new RegistryError(404, "HTTP 404 Not Found");

export const notAcceptable = (accept: string) =>
  new RegistryError(406, `HTTP 406 Not Acceptable: none of the types in '${accept}' is served`);

export const unsupportedMediaType = (contentType: string) =>
  new RegistryError(
    415,
    `HTTP 415 Unsupported Media Type: '${contentType}'; send application/vnd.schemaregistry.v1+json`,
  );

export const bodyTooLarge = (limit_bytes: number) =>
  new RegistryError(413, `HTTP 413 Payload Too Large: a body may have ${limit_bytes} bytes`);

export const unreadableBody = (reason: string) =>
  new RegistryError(400, `HTTP 400 Bad Request: the body ended early: ${reason}`);

export const subjectNotFound = (subject: string) =>
  new RegistryError(40401, `Subject '${subject}' not found.`);

export const versionNotFound = (version: number) =>
  new RegistryError(40402, `Version ${version} not found.`);

export const idNotFound = (id: number) => new RegistryError(40403, `Schema ${id} not found`);

export const schemaNotFound = () => new RegistryError(40403, "Schema not found");

export const versionSoftDeleted = (subject: string, version: number) =>
  new RegistryError(
    40406,
    `Subject '${subject}' Version ${version} was soft deleted.Set permanent=true to delete permanently`,
  );

const notDeleted = (code: number, what: string) =>
  new RegistryError(code, `${what} was not deleted first before being permanently deleted`);

export const subjectNotDeleted = (subject: string) => notDeleted(40405, `Subject '${subject}'`);

export const versionNotDeleted = (subject: string, version: number) =>
  notDeleted(40407, `Subject '${subject}' Version ${version}`);

export const compatibilityNotFound = (subject: string) =>
  new RegistryError(
    40408,
    `Subject '${subject}' does not have subject-level compatibility configured`,
  );

export const incompatible = (subject: string, details: readonly string[]) =>
  new RegistryError(
    409,
    `Schema being registered is incompatible with an earlier schema for subject "${subject}", ` +
      `details: [${details.join(", ")}]`,
  );

/** A body that the call does not accept: not JSON, an unknown key, a value of the wrong type. */
export const invalidBody = (reason: string) => new RegistryError(422, `parse error: ${reason}`);

export const invalidSchema = (reason: string) =>
  new RegistryError(422, `Invalid schema: ${reason}`);

export const emptySchema = () => new RegistryError(42201, "Empty schema");

export const invalidVersion = (version: string) =>
  new RegistryError(
    42202,
    `The specified version '${version}' is not a valid version id. Allowed values are between ` +
      `[1, 2^31-1] and the string "latest"`,
  );

export const invalidCompatibility = () =>
  new RegistryError(
    42203,
    "Invalid compatibility level. Valid values are NONE, BACKWARD, FORWARD, FULL, " +
      "BACKWARD_TRANSITIVE, FORWARD_TRANSITIVE, and FULL_TRANSITIVE",
  );
