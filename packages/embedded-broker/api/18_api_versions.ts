/**
 * ApiVersions (key 18): lists the supported APIs and versions. It is the first request of every client.
 *
 * Versions 0 to 2. A client that starts with a higher one (Java with 3 to 5, librdkafka with 3) is answered in the format
 * of version 0 with UNSUPPORTED_VERSION and the range (KIP-511), see `unsupportedApiVersions`; it then retries with 2.
 *
 * The advertised ranges follow what clients need: each client uses the highest version that both sides know, and
 * librdkafka up to 2.11 enables features only if certain old versions are in the range.
 * Left out: the flexible encoding (version 3) and therefore finalised features.
 */
import { ApiKey, ErrorCode, wire, type Writer } from "@gmn/kafka-formats";
import type { ApiOf, ApiRange } from "../protocol/api.ts";

const REQUEST = wire.struct({});
const RESPONSE = wire.struct({
  errorCode: wire.errorCode,
  apis: wire.array(
    wire.struct({
      key: wire.int16 as wire.Field<ApiKey>,
      minVersion: wire.int16,
      maxVersion: wire.int16,
    }),
  ),
  _throttle: wire.since(1, wire.THROTTLE),
});

/** The ApiVersions API. */
export function apiVersions(
  apis: readonly ApiRange[],
): ApiOf<typeof REQUEST, typeof RESPONSE> {
  return {
    key: ApiKey.ApiVersions,
    minVersion: 0,
    maxVersion: 2,
    request: REQUEST,
    response: RESPONSE,
    answer: () => ({ errorCode: ErrorCode.NONE, apis }),
    fail: (_request, errorCode) => ({ errorCode, apis: [] }),
  };
}

/** Writes the answer to an ApiVersions request of a version that isn't served (KIP-511). */
export function unsupportedApiVersions(writer: Writer, own: ApiRange): void {
  RESPONSE.write(writer, { errorCode: ErrorCode.UNSUPPORTED_VERSION, apis: [own] }, 0);
}
