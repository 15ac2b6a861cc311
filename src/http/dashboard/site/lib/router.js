// Every view of the dashboard has an address after `#`, so that it can be linked, bookmarked and returned to.

import { useEffect, useState } from "preact/hooks";

/** @typedef {import("../types.ts").Route} Route */

/** The current place. */
export function currentRoute() {
  return routeOf(location.hash);
}

/** The place for an address. @param {string} hash with its `#` @returns {Route} */
export function routeOf(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  return {
    parts: (path ?? "").split("/").filter((part) => part !== "").map(decode),
    query: new URLSearchParams(query ?? ""),
  };
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * The address of a place. Values that are null or empty are left out.
 * @param {readonly string[]} parts @param {Record<string, string | null | undefined>} [query]
 */
export function href(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) =>
    value !== null && value !== undefined && value !== ""
  );
  const text = new URLSearchParams(/** @type {[string, string][]} */ (given)).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`;
}

/** Goes to an address. @param {string} address of `href` @param {{ replace?: boolean }} [how] */
export function go(address, { replace = false } = {}) {
  if (replace) {
    history.replaceState(null, "", address);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else location.hash = address;
}

/** The current place; renders again when it changes. @returns {Route} */
export function useRoute() {
  const [route, setRoute] = useState(currentRoute);
  useEffect(() => {
    const change = () => setRoute(currentRoute());
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return route;
}

/** The last address of each view, so that a page below it links back to the same filter. @type {Map<string, string>} */
const lastOf = new Map();

/** Stores the address of a view. @param {Route} route */
export function rememberView({ parts }) {
  if (parts.length === 1) lastOf.set(parts[0], location.hash);
}

/** The address to go back to. @param {string} view */
export function lastAddress(view) {
  return lastOf.get(view) ?? `#/${view}`;
}
