/**
 * What one API of the protocol is made of. Each file in `api/` describes one; `network/dispatch.ts` runs requests through it:
 * read, answer, write.
 */
import { type ApiKey, ErrorCode, type wire } from "@gmn/kafka-formats";
import { KafkaError } from "./kafka_error.ts";

/** What a request brings beside its fields. */
export interface RequestContext {
  readonly version: number;
  readonly clientId: string;
  /** Address of the client, as DescribeGroups shows it. */
  readonly clientHost: string;
  /** Aborted when the connection is gone or the broker stops: nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Says how many bytes of stored records the answer will hold, as soon as they are read: they count as unsent from then on. */
  hold(bytes: number): void;
}

/** An API as ApiVersions names it. */
export interface ApiRange {
  readonly key: ApiKey;
  /** The range that is advertised. */
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** One API. `Request` and `Response` are plain data, the same for all versions. */
export interface Api<Request = unknown, Response = unknown> extends ApiRange {
  /** Versions below are advertised (clients look for them) but refused; see the file that sets it. */
  readonly firstServedVersion?: number;
  readonly request: wire.Field<Request>;
  readonly response: wire.Field<Response>;
  /** Does the work. A `KafkaError` becomes the answer that `fail` makes of it. */
  answer(request: Request, context: RequestContext): Response | Promise<Response>;
  /** The response that says that all of the request failed. */
  fail(request: Request, code: ErrorCode, message: string): Response;
  /** True when the client wants no answer (Produce with acks=0). */
  isSilent?(request: Request): boolean;
}

/** The API of a declared request and response. */
export type ApiOf<Request, Response> = Api<wire.ValueOf<Request>, wire.ValueOf<Response>>;

/** How one item of a request went: a topic, a partition, a group. */
export interface Outcome {
  readonly errorCode: ErrorCode;
  readonly message: string | null;
}

/** Does the work of all items: what is refused of one is its own outcome, and the others go on. */
export async function eachByItself<Item>(
  items: readonly Item[],
  work: (item: Item) => void | Promise<void>,
): Promise<(Item & Outcome)[]> {
  return await Promise.all(
    items.map(async (item) => ({ ...item, ...await outcomeOf(() => work(item)) })),
  );
}

/** All items refused for the same reason. */
export function allFailed<Item>(
  items: readonly Item[],
  errorCode: ErrorCode,
  message: string,
): (Item & Outcome)[] {
  return items.map((item) => ({ ...item, errorCode, message }));
}

async function outcomeOf(work: () => void | Promise<void>): Promise<Outcome> {
  try {
    await work();
    return { errorCode: ErrorCode.NONE, message: null };
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return { errorCode: error.code, message: error.message };
  }
}
