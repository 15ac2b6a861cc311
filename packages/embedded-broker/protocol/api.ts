/**
 * What one API of the protocol is made of. Each file in `api/` describes one; `network/dispatch.ts` runs requests through it:
 * decode, answer, encode.
 */
import type { Reader, Writer } from "@gmn/kafka-formats";
import type { ApiKey } from "./api_key.ts";
import type { ErrorCode } from "./error_code.ts";

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
  readonly name: string;
  /** Versions below are advertised (clients look for them) but refused; see the file that sets it. */
  readonly firstServedVersion?: number;
  /** @throws MalformedRequest when the request can't be read */
  decode(reader: Reader, version: number): Request;
  /** Does the work. A `KafkaError` becomes the answer that `fail` makes of it. */
  answer(request: Request, context: RequestContext): Response | Promise<Response>;
  encode(writer: Writer, response: Response, version: number): void;
  /** The response that says that all of the request failed. */
  fail(request: Request, code: ErrorCode, message: string): Response;
  /** True when the client wants no answer (Produce with acks=0). */
  isSilent?(request: Request): boolean;
}
