/**
 * kafkajs's own encoders and decoders, version by version: an independent implementation of the protocol, which is used with
 * real brokers.
 */
import { createRequire } from "node:module";
import { Buffer } from "node:buffer";
import { Writer } from "@gmn/kafka-formats";
import type { RawClient } from "./testing/raw_client.ts";

interface Encoded {
  readonly buffer: Uint8Array;
}

interface Protocol {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    encode(): Promise<Encoded>;
  };
  readonly response: {
    decode(bytes: Buffer): Promise<unknown>;
    parse(decoded: unknown): Promise<unknown>;
  };
}

interface Definition {
  /** Version numbers, as strings. */
  readonly versions: readonly string[];
  protocol(which: { version: number }): (fields: object) => Protocol;
}

const require = createRequire(import.meta.url);
const { requests } = require("kafkajs/src/protocol/requests/index.js") as {
  requests: Readonly<Record<string, Definition>>;
};

/** The versions of an API that kafkajs supports, up to `max`. */
export function versionsOf(api: string, min: number, max: number): number[] {
  return requests[api].versions.map(Number).filter((version) => version >= min && version <= max);
}

/** A request in one version as kafkajs encodes it, with header and size. */
export async function encodeRequest(
  api: string,
  version: number,
  fields: object,
): Promise<Uint8Array> {
  const { request } = requests[api].protocol({ version })(fields);
  const { buffer } = await request.encode();
  const writer = new Writer();
  writer.int16(request.apiKey);
  writer.int16(request.apiVersion);
  writer.int32(1);
  writer.string("kafkajs");
  writer.raw(buffer);
  return Buffer.concat(writer.chunks());
}

/** Sends a request in one version, as kafkajs encodes it; returns the answer as kafkajs decodes it. */
export async function exchange(
  client: RawClient,
  api: string,
  version: number,
  fields: object,
): Promise<unknown> {
  const { request, response } = requests[api].protocol({ version })(fields);
  const { buffer } = await request.encode();
  const reader = await client.request(request.apiKey, request.apiVersion, (w) => w.raw(buffer));
  const bytes = reader.rest();
  return await response.parse(await response.decode(Buffer.from(bytes)));
}
