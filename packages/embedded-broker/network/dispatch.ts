/**
 * From the bytes of one request to the bytes of its response: header, choice of the API, refusal of what isn't served, work.
 *
 * An unknown API or version closes the connection, as in Kafka: nobody can tell what form an error would have to have.
 * The one exception is ApiVersions, by which clients find out (KIP-511).
 */
import { ApiKey, apiName, ErrorCode, MalformedRequest, Reader, Writer } from "@gmn/kafka-formats";
import { unsupportedApiVersions } from "../api/18_api_versions.ts";
import { explain } from "../errors.ts";
import type { Api, RequestContext } from "../protocol/api.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

/** The connection as a request sees it. */
export type ClientContext = Pick<RequestContext, "clientHost" | "signal" | "hold">;

/** The bytes to send, none where no answer is wanted; null when the connection is to be closed. */
export type Dispatched = Uint8Array[] | null;

/** Works on one request. @throws MalformedRequest when it can't be read or isn't served */
export type Dispatch = (frame: Uint8Array, client: ClientContext) => Promise<Dispatched>;

/**
 * Stands between a request and its work, for fault injection by tests (`@gmn/embedded-broker/testing`): gives the response, or null
 * to close the connection.
 */
export type Intercept = (
  api: Api,
  request: unknown,
  context: RequestContext,
  work: () => Promise<unknown>,
) => Promise<unknown>;

export interface DispatchOptions {
  /** A request failed for a reason that is not in the protocol. */
  onRequestFailure(api: string, client: string, error: unknown): void;
  readonly intercept?: Intercept | undefined;
}

/** Makes the dispatch for a list of APIs. */
export function dispatchTo(apis: readonly Api[], options: DispatchOptions): Dispatch {
  const byKey = new Map(apis.map((api) => [api.key as number, api]));
  return async (frame, client) => {
    const reader = new Reader(frame);
    const key = reader.int16();
    const version = reader.int16();
    const correlationId = reader.int32();
    const api = byKey.get(key);
    if (api === undefined) throw new MalformedRequest(`API ${key} is not served`);
    const writer = new Writer();
    writer.int32(correlationId);
    if (version < (api.firstServedVersion ?? api.minVersion) || version > api.maxVersion) {
      if (key !== ApiKey.ApiVersions || version < 0) {
        throw new MalformedRequest(`${apiName(key)} version ${version} is not served`);
      }
      unsupportedApiVersions(writer, api);
      return writer.chunks();
    }
    const clientId = reader.nullableString() ?? "";
    const context: RequestContext = { ...client, version, clientId };
    const request = api.request.read(reader, version);
    const work = () => answerOrFail(api, request, context, options);
    const response = await (options.intercept?.(api, request, context, work) ?? work());
    if (response === null) return null;
    if (api.isSilent?.(request)) return [];
    api.response.write(writer, response, version);
    return writer.chunks();
  };
}

async function answerOrFail(
  api: Api,
  request: unknown,
  context: RequestContext,
  options: DispatchOptions,
): Promise<unknown> {
  try {
    return await api.answer(request, context);
  } catch (error) {
    if (error instanceof MalformedRequest) throw error;
    if (error instanceof KafkaError) return api.fail(request, error.code, error.message);
    options.onRequestFailure(apiName(api.key), context.clientId, error);
    return api.fail(request, ErrorCode.UNKNOWN_SERVER_ERROR, explain(error));
  }
}

/** Whether a request is a Produce: several of those may be under way on one connection. */
export function isProduce(frame: Uint8Array): boolean {
  return frame[0] === 0 && frame[1] === ApiKey.Produce;
}
