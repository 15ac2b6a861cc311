/**
 * Turns the bytes of one request into the bytes of its response: reads the header, selects the API, refuses unknown ones, answers.
 *
 * An unknown API or version closes the connection, as in Kafka, because the format of its error response is unknown.
 * The one exception is ApiVersions, with which clients negotiate versions (KIP-511).
 */
import { ApiKey, apiName, ErrorCode, MalformedRequest, Reader, Writer } from "@gmn/kafka-formats";
import { unsupportedApiVersions } from "../api/18_api_versions.ts";
import { explain } from "../errors.ts";
import type { Api, RequestContext } from "../protocol/api.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

/** The connection's data that a request needs. */
export type ClientContext = Pick<RequestContext, "clientHost" | "signal" | "hold">;

/** The bytes to send, none if the client wants no answer; null to close the connection. */
export type Dispatched = Uint8Array[] | null;

/** Handles one request. @throws MalformedRequest when it can't be read or isn't served */
export type Dispatch = (frame: Uint8Array, client: ClientContext) => Promise<Dispatched>;

/**
 * Is called between a request and its work, for fault injection in tests (`@gmn/embedded-broker/testing`). Returns the response,
 * or null to close the connection.
 */
export type Intercept = (
  api: Api,
  request: unknown,
  context: RequestContext,
  work: () => Promise<unknown>,
) => Promise<unknown>;

export interface DispatchOptions {
  /** Called when a request failed for a reason outside the protocol. */
  onRequestFailure(api: string, client: string, error: unknown): void;
  readonly intercept?: Intercept | undefined;
}

/** Creates the dispatch function for a list of APIs. */
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

/** Whether a request is a Produce: several of them may run concurrently on one connection. */
export function isProduce(frame: Uint8Array): boolean {
  return frame[0] === 0 && frame[1] === ApiKey.Produce;
}
