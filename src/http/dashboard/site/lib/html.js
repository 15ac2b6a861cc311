// The one way to make elements: htm's template strings over preact. Values become text nodes and properties, never markup.
import { h } from "preact";
import htm from "htm";

/**
 * A template of one element. (htm's own type has neither `bind` nor the elements.)
 * @typedef {(strings: TemplateStringsArray, ...values: unknown[]) => import("preact").VNode} Html
 */

export const html =
  /** @type {{ bind: (element: typeof h) => Html }} */ (/** @type {unknown} */ (htm)).bind(h);
