/**
 * From the bytes of one request to the bytes of its response: header, choice of the API, refusal of what isn't served.
 *
 * An unknown API or version closes the connection, as in Kafka: nobody can tell what form an error would have to have.
 * The one exception is ApiVersions, by which clients find out (KIP-511).
 */
import { unsupportedApiVersions } from "../api/18_api_versions.ts";
import type { Handler, Outcome, RequestContext } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import { MalformedRequest, Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";

/** The connection as a request sees it. */
export type ClientContext = Pick<RequestContext, "clientHost" | "signal" | "hold">;

/** What is to be sent, or done, about a request. */
export interface Dispatched {
  readonly outcome: Outcome;
  readonly chunks: Uint8Array[];
}

/** Works on one request. @throws MalformedRequest when it can't be read or isn't served */
export type Dispatch = (frame: Uint8Array, client: ClientContext) => Promise<Dispatched>;

/** Makes the dispatch for a list of APIs. */
export function dispatchTo(handlers: readonly Handler[]): Dispatch {
  const byKey = new Map(handlers.map((handler) => [handler.key as number, handler]));
  return async (frame, client) => {
    const reader = new Reader(frame);
    const key = reader.int16();
    const version = reader.int16();
    const correlationId = reader.int32();
    const handler = byKey.get(key);
    if (handler === undefined) throw new MalformedRequest(`API ${key} is not served`);
    const writer = new Writer();
    writer.int32(correlationId);
    if (version < handler.firstServedVersion || version > handler.maxVersion) {
      if (key !== ApiKey.ApiVersions || version < 0) {
        throw new MalformedRequest(`${handler.name} version ${version} is not served`);
      }
      unsupportedApiVersions(writer, handler);
      return { outcome: "answer", chunks: writer.chunks() };
    }
    const clientId = reader.nullableString() ?? "";
    const context: RequestContext = { ...client, version, clientId };
    const outcome = await handler.run(reader, writer, context);
    return { outcome, chunks: outcome === "answer" ? writer.chunks() : [] };
  };
}

/** Whether a request is a Produce: several of those may be under way on one connection. */
export function isProduce(frame: Uint8Array): boolean {
  return frame[0] === 0 && frame[1] === ApiKey.Produce;
}
