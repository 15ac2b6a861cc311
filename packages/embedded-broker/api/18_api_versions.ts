/**
 * ApiVersions (key 18): which APIs and versions there are; the first request of every client.
 *
 * Versions 0 to 2. A client that opens with a higher one (Java with 3 to 5, librdkafka with 3) is answered in the format
 * of version 0 with UNSUPPORTED_VERSION and the range (KIP-511), see `unsupportedApiVersions`; it then asks again with 2.
 *
 * What is advertised is chosen for clients, not for beauty: each client takes the highest version that both know, and
 * librdkafka up to 2.11 looks whether certain old versions lie inside the range before it turns features on.
 * Left out: the flexible encoding (version 3) and with it finalised features.
 */
import type { Api, ApiRange } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import { ErrorCode } from "../protocol/error_code.ts";
import type { Writer } from "@gmn/kafka-formats";

interface Response {
  readonly errorCode: ErrorCode;
  readonly apis: readonly ApiRange[];
}

function encode(writer: Writer, { errorCode, apis }: Response, version: number): void {
  writer.int16(errorCode);
  writer.array(apis, ({ key, minVersion, maxVersion }) => {
    writer.int16(key);
    writer.int16(minVersion);
    writer.int16(maxVersion);
  });
  if (version >= 1) writer.int32(0); // throttle time
}

/** The ApiVersions API. */
export function apiVersions(apis: readonly ApiRange[]): Api<null, Response> {
  return {
    key: ApiKey.ApiVersions,
    name: "ApiVersions",
    minVersion: 0,
    maxVersion: 2,

    decode: () => null,
    answer: () => ({ errorCode: ErrorCode.NONE, apis: apis }),
    encode,
    fail: (_request, errorCode) => ({ errorCode, apis: [] }),
  };
}

/** Writes the answer to an ApiVersions request of a version that isn't served (KIP-511). */
export function unsupportedApiVersions(writer: Writer, own: ApiRange): void {
  encode(writer, { errorCode: ErrorCode.UNSUPPORTED_VERSION, apis: [own] }, 0);
}
