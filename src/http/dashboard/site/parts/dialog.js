// @ts-check
// A dialog over the browser's own <dialog>, which keeps the focus inside and gives it back.
import { useEffect, useRef } from "preact/hooks";
import { html } from "../lib/html.js";

/**
 * Open while it is rendered. `onClose` is called when it is closed in any way.
 * @param {{ title: string, onClose: () => void, children?: unknown }} props
 */
export function Dialog({ title, onClose, children }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return html`
    <dialog
      ref=${ref}
      aria-labelledby="dialog-title"
      onClose=${onClose}
      onClick=${(/** @type {MouseEvent} */ event) => {
        // Beside the box is the dialog itself.
        if (event.target === ref.current) ref.current?.close();
      }}
    >
      <div class="dialog-inner">
          <div class="dialog-body"><h2 id="dialog-title">${title}</h2></div>
          ${children}
        </div>
    </dialog>
  `;
}
