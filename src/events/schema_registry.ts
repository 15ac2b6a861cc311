/**
 * The application's client of the schema registry. It registers the checked-in schemas at boot and looks up the writer's schema
 * of a record by its id.
 */
import https from "node:https";
import {
  COMPATIBILITY,
  SchemaRegistry as Client,
  SchemaType,
} from "@kafkajs/confluent-schema-registry";
import { explain, PermanentError, TransientError } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import {
  authorizationHeader,
  isHttps,
  type RegistryConnection,
  requestRegistry,
  trustOf,
} from "./registry_request.ts";
import { schemaText } from "./schema_files.ts";
import { type Topic, valueSubject } from "./topics.ts";

export type { RegistryConnection };

/** The registry can't be reached, or fails. */
export class RegistryUnavailableError extends TransientError {}

export interface SchemaRegistry {
  /**
   * Registers the value schemas of `topics` under `<topic>-value`; registering the same schema again returns the same id.
   * @returns the id of each topic's schema, by topic name
   * @throws PermanentError when the registry holds an incompatible schema
   * @throws TransientError when the registry can't be reached
   */
  register(topics: readonly Topic[]): Promise<ReadonlyMap<string, number>>;
  /**
   * The Avro schema with this id, as JSON text: the one a record was written with. Cached, since the schema of an id never changes.
   * @throws PermanentError when no such schema exists or it is not Avro
   * @throws TransientError when the registry can't be reached
   */
  writerSchema(id: number): Promise<string>;
  /** Whether the registry answers. @throws TransientError when it does not */
  ping(): Promise<void>;
}

/** A function that the client calls for each request (mappersmith's middleware). */
type Middleware = NonNullable<ConstructorParameters<typeof Client>[0]["middlewares"]>[number];

/** A registry that does not answer within these retries is unavailable. */
const REGISTRY_RETRY = { retries: 2, initialRetryTimeInSecs: 0.1, maxRetryTimeInSecs: 1 };

/** Someone is waiting for the answer in a browser. */
const PING_TIMEOUT_MS = 3_000;

/** Creates a client of the registry at `connection`, without sending a request. */
export function createSchemaRegistry(
  connection: RegistryConnection,
  observe: Observe,
): SchemaRegistry {
  const client = new Client({
    host: connection.url.replace(/\/+$/, ""),
    clientId: connection.clientId,
    retry: REGISTRY_RETRY,
    middlewares: [authorize(authorizationHeader(connection))],
    ...(isHttps(connection)
      ? { agent: new https.Agent({ keepAlive: true, ...trustOf(connection) }) }
      : {}),
  });
  const known = new Map<number, string>();
  return {
    async register(topics) {
      const ids = new Map<string, number>();
      for (const topic of topics) {
        const subject = valueSubject(topic);
        try {
          const { id } = await client.register(
            { type: SchemaType.AVRO, schema: schemaText(topic.schemaFile) },
            { subject, compatibility: COMPATIBILITY.BACKWARD },
          );
          ids.set(topic.name, id);
          observe("log.schema_registered", { subject, id });
        } catch (error) {
          throw classifyRegistryError(
            error,
            `registering schemas/${topic.schemaFile} as ${subject}`,
            connection.url,
          );
        }
      }
      return ids;
    },
    async ping() {
      try {
        const { status } = await requestRegistry(connection, "/subjects", {
          timeout_ms: PING_TIMEOUT_MS,
        });
        if (status !== 200) throw new Error(`HTTP ${status}`);
      } catch (error) {
        throw new RegistryUnavailableError(`registry at ${connection.url}: ${explain(error)}`, {
          cause: error,
        });
      }
    },
    async writerSchema(id) {
      const remembered = known.get(id);
      if (remembered !== undefined) return remembered;
      try {
        const schema = await client.getSchema(id);
        const type = schema as { schema?: (options: { exportAttrs: boolean }) => unknown };
        if (typeof type.schema !== "function") {
          throw new PermanentError(`schema ${id} is not an Avro schema`);
        }
        const text = JSON.stringify(type.schema({ exportAttrs: true }));
        known.set(id, text);
        return text;
      } catch (error) {
        throw classifyRegistryError(error, `looking up schema ${id}`, connection.url);
      }
    },
  };
}

/** Adds headers to every request of the client. */
const authorize = (headers: Record<string, string>): Middleware => () => ({
  prepareRequest: async (next) => (await next()).enhance({ headers }),
});

/** 4xx is a final answer; everything else means that the registry is unavailable right now. */
export function classifyRegistryError(
  error: unknown,
  doing: string,
  url: string,
): TransientError | PermanentError {
  if (error instanceof PermanentError || error instanceof TransientError) return error;
  const status = (error as { status?: unknown }).status;
  const isArgument = error instanceof Error &&
    /Compatibility|Argument|InvalidSchema/.test(error.name);
  const isAnswer = typeof status === "number" && status >= 400 && status < 500 && status !== 429 &&
    !isNoAnswer(error);
  if (isAnswer || isArgument) {
    return new PermanentError(`${doing}: ${explain(error)}`, {
      cause: error,
      ...(status === 401 || status === 403
        ? {
          hint:
            "Check SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD, or SCHEMA_REGISTRY_TOKEN.",
        }
        : {}),
    });
  }
  return new RegistryUnavailableError(`${doing}: registry at ${url}: ${explain(error)}`, {
    cause: error,
    hint: "Check that the schema registry is running and that SCHEMA_REGISTRY_URL names it.",
  });
}

/**
 * Whether there was no answer at all. mappersmith, below the client, gives such a request the status 400 (`dispatchClientError` in
 * its gateway.js) and the socket's error as its body. A registry that answers 400 sends a reason as JSON, which the client quotes.
 */
function isNoAnswer(error: unknown): boolean {
  return error instanceof Error && error.message.includes(" - Error, status 400");
}
