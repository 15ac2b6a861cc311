/**
 * The subjects of a schema registry with all their versions, through Confluent's REST API: for a copy of a log, which takes its schemas
 * along (`schema_registry.ts` is what the service itself needs).
 */
import { explain, PermanentError } from "@gmn/failures";
import { type RegistryConnection, requestRegistry } from "./registry_request.ts";
import { classifyRegistryError } from "./schema_registry.ts";

/** A schema as a registry has it. */
export interface RegistrySchema {
  readonly schema: string;
  /** Missing for Avro. */
  readonly schemaType?: string;
  readonly references?: readonly unknown[];
}

/** A version of a subject. */
export interface SubjectVersion extends RegistrySchema {
  readonly version: number;
  readonly id: number;
}

/** Access to the subjects. Every method throws TransientError when the registry is unavailable, PermanentError when it refuses. */
export interface RegistrySubjects {
  readonly url: string;
  /** All versions, in order; none for a subject that does not exist. */
  versions(subject: string): Promise<SubjectVersion[]>;
  /** The compatibility level that applies to the subject. */
  level(subject: string): Promise<string>;
  setLevel(subject: string, level: string): Promise<void>;
  /** Registers a version; returns its id. Registering the same schema again returns the same id. */
  register(subject: string, schema: RegistrySchema): Promise<number>;
  /** The subjects that have a schema with this id; none where it is unknown or was deleted. */
  subjectsOf(id: number): Promise<string[]>;
  /** The schema with this id; null when there is none. */
  schema(id: number): Promise<RegistrySchema | null>;
}

interface Level {
  readonly compatibilityLevel: string;
}

/** A registry that takes longer is unavailable; registering compares with all earlier versions. */
const REQUEST_TIMEOUT_MS = 15_000;
const NOT_FOUND = 404;

/** Creates a client, without sending a request. */
export function createRegistrySubjects(connection: RegistryConnection): RegistrySubjects {
  const ask = async <Answer>(
    doing: string,
    path: string,
    send: { readonly method?: "POST" | "PUT"; readonly body?: unknown } = {},
  ): Promise<Answer | null> => {
    try {
      const { status, text } = await requestRegistry(connection, path, {
        ...send,
        timeout_ms: REQUEST_TIMEOUT_MS,
      });
      if (status === NOT_FOUND) return null;
      if (status !== 200) throw new RegistryAnswerError(status, text);
      return JSON.parse(text) as Answer;
    } catch (error) {
      throw classifyRegistryError(error, doing, connection.url);
    }
  };
  /** The same where 404 is no possible answer. */
  const demand = async <Answer>(...request: Parameters<typeof ask>): Promise<Answer> => {
    const answer = await ask<Answer>(...request);
    if (answer !== null) return answer;
    throw new PermanentError(`${request[0]}: registry at ${connection.url} has no ${request[1]}`, {
      hint: "The URL must be that of a schema registry with Confluent's API.",
    });
  };
  const at = (subject: string) => encodeURIComponent(subject);
  return {
    url: connection.url,
    async versions(subject) {
      const doing = `reading the versions of ${subject}`;
      const numbers = await ask<number[]>(doing, `/subjects/${at(subject)}/versions`) ?? [];
      const versions: SubjectVersion[] = [];
      for (const number of numbers.toSorted((a, b) => a - b)) {
        versions.push(await demand(doing, `/subjects/${at(subject)}/versions/${number}`));
      }
      return versions;
    },
    async level(subject) {
      const doing = `reading the compatibility level of ${subject}`;
      // A subject that does not exist has the registry's own level.
      const found = await ask<Level>(doing, `/config/${at(subject)}?defaultToGlobal=true`) ??
        await demand<Level>(doing, "/config");
      return found.compatibilityLevel;
    },
    async setLevel(subject, compatibility) {
      await demand(`setting the compatibility level of ${subject}`, `/config/${at(subject)}`, {
        method: "PUT",
        body: { compatibility },
      });
    },
    async register(subject, { schema, schemaType, references }) {
      const doing = `registering a version of ${subject}`;
      const { id } = await demand<{ id: number }>(doing, `/subjects/${at(subject)}/versions`, {
        method: "POST",
        body: {
          schema,
          ...schemaType === undefined ? {} : { schemaType },
          ...references === undefined ? {} : { references },
        },
      });
      return id;
    },
    async subjectsOf(id) {
      const doing = `looking up the subjects of schema ${id}`;
      const uses = await ask<{ subject: string }[]>(doing, `/schemas/ids/${id}/versions`) ?? [];
      return uses.map(({ subject }) => subject);
    },
    schema: (id) => ask<RegistrySchema>(`looking up schema ${id}`, `/schemas/ids/${id}`),
  };
}

/** An answer other than 200 and 404; `status` is read by `classifyRegistryError`. */
class RegistryAnswerError extends Error {
  override readonly name = "RegistryAnswerError";

  constructor(readonly status: number, text: string) {
    super(`HTTP ${status}: ${reasonOf(text)}`);
  }
}

function reasonOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text.slice(0, 500);
  } catch (error) {
    return text === "" ? explain(error) : text.slice(0, 500);
  }
}
