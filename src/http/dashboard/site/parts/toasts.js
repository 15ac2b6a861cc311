// Short messages about the user's last action; screen readers announce them.
import { useEffect, useState } from "preact/hooks";
import { html } from "../lib/html.js";
import { href } from "../lib/router.js";

/** @typedef {{ id: number, tone: "good" | "bad", text: string, link: { href: string, text: string } | null }} Toast */

const SHOWN_MS = 9_000;

let nextId = 0;
/** @type {(toast: Toast) => void} */
let show = () => {};

/** Reports a success. @param {string} text @param {{ href: string, text: string } | null} [link] */
export function tell(text, link = null) {
  show({ id: nextId++, tone: "good", text, link });
}

/** Reports a requested run, with a link to it. @param {string} what @param {{ run_id: string, is_new?: boolean }} answer */
export function tellRequested(what, answer) {
  tell(`${what} was requested.`, { href: href(["runs", answer.run_id]), text: "See the run" });
}

/** Reports a failure and its reason. The message stays until it is closed. @param {string} what @param {unknown} error */
export function tellFailure(what, error) {
  show({
    id: nextId++,
    tone: "bad",
    text: `${what} ${/** @type {Error} */ (error).message}`,
    link: null,
  });
}

/** Rendered once. */
export function Toasts() {
  const [toasts, setToasts] = useState(/** @type {Toast[]} */ ([]));
  const close = (/** @type {number} */ id) =>
    setToasts((before) => before.filter((toast) => toast.id !== id));
  useEffect(() => {
    show = (toast) => {
      setToasts((before) => [...before, toast]);
      if (toast.tone === "good") setTimeout(close, SHOWN_MS, toast.id);
    };
    return () => {
      show = () => {};
    };
  }, []);
  // deno-fmt-ignore
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.map(({ id, tone, text, link }) =>
      html`<div key=${id} class=${`toast ${tone}`}>
        <div>${text} ${link === null ? null : html`<a href=${link.href}>${link.text}</a>`}</div>
        <button type="button" class="link-button" onClick=${() => close(id)}>Close</button>
      </div>`
    )}
  </div>`;
}
