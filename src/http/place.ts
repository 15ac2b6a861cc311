/**
 * Where a page of a list begins, as an opaque text for a URL: the key of the last row of the page before.
 */
import { Buffer } from "node:buffer";
import { z } from "@hono/zod-openapi";
import { Problem } from "./problem.ts";

/** An id and an ISO time, encoded, are far below this. */
const PLACE_MAX_CHARACTERS = 2000;

/** The query parameter. */
export const placeParameter = z.string().max(PLACE_MAX_CHARACTERS).optional().openapi({
  description: "Where the page begins: as the link of the page before has it.",
});

/** The place as the parameter `after` of the next page. */
export function writePlace(place: unknown): string {
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

/**
 * The place in a parameter, if it is one of `schema`.
 * @throws Problem when it is not one that this list gave
 */
export function readPlace<Place>(text: string | undefined, schema: z.ZodType<Place>): Place | null {
  if (text === undefined) return null;
  try {
    return schema.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
  } catch {
    throw new Problem(
      "bad-request",
      "query parameter after: is not a place that this list gave; follow its Link",
    );
  }
}

/** The header that leads to the next page: this request with another `after`. */
export function nextLink(url: string, place: string): string {
  const { pathname, searchParams } = new URL(url);
  searchParams.set("after", place);
  return `<${pathname}?${searchParams}>; rel="next"`;
}
