// The only way to create elements: htm's template strings with preact. Values become text nodes and properties, never markup.
import { h } from "preact";
import htm from "htm";

/**
 * A template of one element. (htm's own type lacks `bind` and the element types.)
 * @typedef {(strings: TemplateStringsArray, ...values: unknown[]) => import("preact").VNode} Html
 */

export const html =
  /** @type {{ bind: (element: typeof h) => Html }} */ (/** @type {unknown} */ (htm)).bind(h);
