/**
 * The parts of one API of the protocol. Each file in `api/` describes one; `network/dispatch.ts` uses it to read, answer and write
 * a request.
 */
import { type ApiKey, ErrorCode, type wire } from "@gmn/kafka-formats";
import { KafkaError } from "./kafka_error.ts";

/** The context of a request, beside its fields. */
export interface RequestContext {
  readonly version: number;
  readonly clientId: string;
  /** Address of the client, which DescribeGroups shows. */
  readonly clientHost: string;
  /** Aborts when the connection has closed or the broker stops, so that nobody waits for the answer any longer. */
  readonly signal: AbortSignal;
  /** Reports how many bytes of stored records the answer will contain, as soon as they are read: they then count as unsent. */
  hold(bytes: number): void;
}

/** An API as ApiVersions lists it. */
export interface ApiRange {
  readonly key: ApiKey;
  /** The advertised range. */
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** One API. `Request` and `Response` are plain data, the same for all versions. */
export interface Api<Request = unknown, Response = unknown> extends ApiRange {
  /** Lower versions are advertised (clients check for them) but refused; see the file that sets it. */
  readonly firstServedVersion?: number;
  readonly request: wire.Field<Request>;
  readonly response: wire.Field<Response>;
  /** Does the work. `fail` turns a `KafkaError` into the answer. */
  answer(request: Request, context: RequestContext): Response | Promise<Response>;
  /** The response to a request that failed as a whole. */
  fail(request: Request, code: ErrorCode, message: string): Response;
  /** True when the client wants no answer (Produce with acks=0). */
  isSilent?(request: Request): boolean;
}

/** The API of a declared request and response. */
export type ApiOf<Request, Response> = Api<wire.ValueOf<Request>, wire.ValueOf<Response>>;

/** The outcome for one item of a request: a topic, a partition, a group. */
export interface Outcome {
  readonly errorCode: ErrorCode;
  readonly message: string | null;
}

/** Does the work for all items. If one is refused, that is its own outcome, and the others continue. */
export async function eachByItself<Item>(
  items: readonly Item[],
  work: (item: Item) => void | Promise<void>,
): Promise<(Item & Outcome)[]> {
  return await Promise.all(
    items.map(async (item) => ({ ...item, ...await outcomeOf(() => work(item)) })),
  );
}

/** Refuses all items for the same reason. */
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
