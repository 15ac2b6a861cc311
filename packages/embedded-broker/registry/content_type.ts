/**
 * Content negotiation as Redpanda does it (`pandaproxy/parsing/httpd.h`): the first known type of the header counts;
 * parameters and weights are ignored. A body must have a type. An answer has the registry's own type unless the client
 * asks for another.
 */
import { notAcceptable, unsupportedMediaType } from "./registry_error.ts";

export const registryJson = "application/vnd.schemaregistry.v1+json";

const answeredTypes = [registryJson, "application/vnd.schemaregistry+json", "application/json"];
const acceptedTypes = [...answeredTypes, "application/octet-stream"];

/** The type to answer in. Throws 406 when the client accepts none of the served types. */
export function answerType(request: Request): string {
  const header = request.headers.get("accept") ?? "";
  for (const type of partsOf(header)) {
    if (type === "" || type === "*/*") return registryJson;
    if (answeredTypes.includes(type)) return type;
  }
  throw notAcceptable(header);
}

/** Throws 415 when the body's type is missing or not JSON. */
export function checkBodyType(request: Request): void {
  const header = request.headers.get("content-type") ?? "";
  if (!partsOf(header).some((type) => acceptedTypes.includes(type))) {
    throw unsupportedMediaType(header);
  }
}

function partsOf(header: string): string[] {
  return header.toLowerCase().split(/[,; ]+/);
}
