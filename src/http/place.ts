/** Where a page of a list begins, as opaque text for a URL: the key of the previous page's last row. */
import { Buffer } from "node:buffer";
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { Problem } from "./problem.ts";

/** An id and an ISO time, encoded, are far shorter than this. */
const PLACE_MAX_CHARACTERS = 2000;

/** The query parameter. */
export const placeParameter = z.string().max(PLACE_MAX_CHARACTERS).optional().openapi({
  description: "Where the page begins: take it from the previous page's link.",
});

/** A place as the query parameter `after`. */
export function writePlace(place: unknown): string {
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

/**
 * The place in a parameter, if it matches `schema`.
 * @throws Problem when it is not a place of this list
 */
export function readPlace<Place>(text: string | undefined, schema: z.ZodType<Place>): Place | null {
  if (text === undefined) return null;
  try {
    return schema.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
  } catch {
    throw new Problem(
      "bad-request",
      "query parameter after: not a place from this list; follow its Link header",
    );
  }
}

/** The header that links to the next page: this request with another `after`. */
export function nextLink(url: string, place: string): string {
  const { pathname, searchParams } = new URL(url);
  searchParams.set("after", place);
  return `<${pathname}?${searchParams}>; rel="next"`;
}

/**
 * Cuts the rows to a page. A row beyond `limit` means a next page, whose place is returned and set as a Link header.
 * @param placeOf the place of the page that begins after this row
 */
export function pageOf<Row>(
  context: Context,
  read: readonly Row[],
  limit: number,
  placeOf: (last: Row) => unknown,
): { shown: readonly Row[]; next: string | null } {
  const shown = read.slice(0, limit);
  const last = shown.at(-1);
  if (read.length <= limit || last === undefined) return { shown, next: null };
  const next = writePlace(placeOf(last));
  context.header("link", nextLink(context.req.url, next));
  return { shown, next };
}
