/**
 * What one API of the protocol is made of, and how a request runs through it: decode, (faults), answer, encode.
 *
 * Each file in `api/` describes one; the rest of the broker sees them all alike, as `Handler`s.
 */
import { wait } from "../../../failures/backoff.ts";
import { explain } from "../../../failures/failures.ts";
import type { FaultSpec } from "../faults.ts";
import { type Reader } from "../wire/reader.ts";
import { MalformedRequest } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import type { ApiKey } from "./api_key.ts";
import type { Broker } from "./broker.ts";
import { ErrorCode, KafkaError } from "./error_code.ts";

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
  /** Fault injection: give records that don't match their checksum. */
  readonly corruptRecords?: boolean;
}

/** One API. `Request` and `Response` are plain data, the same for all versions. */
export interface Api<Request, Response> {
  readonly key: ApiKey;
  readonly name: string;
  /** The range that ApiVersions advertises. */
  readonly minVersion: number;
  readonly maxVersion: number;
  /** Versions below are advertised (clients look for them) but refused; see the file that sets it. */
  readonly firstServedVersion?: number;

  decode(reader: Reader, version: number): Request;
  /** Does the work. A `KafkaError` becomes the answer that `fail` makes of it. */
  answer(request: Request, context: RequestContext): Response | Promise<Response>;
  encode(writer: Writer, response: Response, version: number): void;
  /** The response that says that all of the request failed. */
  fail(request: Request, code: ErrorCode, message: string): Response;

  /** For fault injection: the topics that a request names, and its group. */
  topics?(request: Request): readonly string[];
  group?(request: Request): string;
  /** True when the client wants no answer (Produce with acks=0). */
  isSilent?(request: Request): boolean;
}

/** What is to be done about a request that was worked on. */
export type Outcome = "answer" | "no answer" | "close connection";

/** An API, its types out of sight. */
export interface Handler {
  readonly key: ApiKey;
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly firstServedVersion: number;
  /**
   * Works on one request; `reader` stands after the header, the response goes to `writer`.
   * @throws MalformedRequest when the request can't be read
   */
  run(reader: Reader, writer: Writer, context: RequestContext): Promise<Outcome>;
}

/** Makes the handler of an API. */
export function handlerOf<Request, Response>(
  api: Api<Request, Response>,
  broker: Broker,
): Handler {
  const work = async (
    request: Request,
    context: RequestContext,
    fault: FaultSpec | undefined,
  ): Promise<Response> => {
    const failure = fault?.errorCode;
    if (failure !== undefined && !fault?.afterWork) return api.fail(request, failure, "injected");
    const response = await answerOrFail(api, request, context, broker);
    return failure === undefined ? response : api.fail(request, failure, "injected");
  };
  return {
    key: api.key,
    name: api.name,
    minVersion: api.minVersion,
    maxVersion: api.maxVersion,
    firstServedVersion: api.firstServedVersion ?? api.minVersion,
    async run(reader, writer, context) {
      const request = api.decode(reader, context.version);
      const fault = broker.faults.take({
        apiKey: api.key,
        topics: api.topics?.(request) ?? [],
        group: api.group?.(request) ?? null,
        clientId: context.clientId,
      });
      if (fault?.delay_ms !== undefined) await wait(fault.delay_ms);
      if (fault?.closeConnection) return "close connection";
      const response = await work(
        request,
        fault?.corruptRecords ? { ...context, corruptRecords: true } : context,
        fault,
      );
      if (fault?.loseAnswer) return "close connection";
      if (api.isSilent?.(request)) return "no answer";
      api.encode(writer, response, context.version);
      return "answer";
    },
  };
}

async function answerOrFail<Request, Response>(
  api: Api<Request, Response>,
  request: Request,
  context: RequestContext,
  broker: Broker,
): Promise<Response> {
  try {
    return await api.answer(request, context);
  } catch (error) {
    if (error instanceof MalformedRequest) throw error;
    if (error instanceof KafkaError) return api.fail(request, error.code, error.message);
    broker.onRequestFailure(api.name, context.clientId, error);
    return api.fail(request, ErrorCode.UNKNOWN_SERVER_ERROR, explain(error));
  }
}
