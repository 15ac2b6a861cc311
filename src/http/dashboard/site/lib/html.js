// The one way to make elements: htm's template strings over preact. Values become text nodes and properties, never markup.
import { h } from "preact";
import htm from "htm";

/** @type {(strings: TemplateStringsArray, ...values: unknown[]) => import("preact").VNode} */
// @ts-ignore: a template with several roots would give an array; ours have one.
export const html = htm.bind(h);
