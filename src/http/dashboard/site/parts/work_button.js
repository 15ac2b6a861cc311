// A button that starts work and stays disabled until the work is done.
import { useState } from "preact/hooks";
import { html } from "../lib/html.js";

/** Disabled while `work` is running. @param {{ work: () => Promise<void>, class?: string, children?: unknown }} props */
export function WorkButton({ work, class: look = "button", children }) {
  const [busy, setBusy] = useState(false);
  const click = async () => {
    setBusy(true);
    try {
      await work();
    } finally {
      setBusy(false);
    }
  };
  // deno-fmt-ignore
  return html`<button type="button" class=${look} disabled=${busy} onClick=${click}>${children}</button>`;
}
