// A dialog based on the browser's own <dialog>, which keeps the focus inside and restores it afterwards.
import { useEffect, useRef } from "preact/hooks";
import { html } from "../lib/html.js";

/**
 * Open as long as it is rendered. `onClose` is called however it is closed.
 * @param {{ title: string, onClose: () => void, children?: unknown }} props
 */
export function Dialog({ title, onClose, children }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const isRendered = useRef(true);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => {
      isRendered.current = false;
      dialog?.close();
    };
  }, []);
  // The event comes later than the call: also after the dialog has been removed because its work is done.
  const close = () => {
    if (isRendered.current) onClose();
  };
  const click = (/** @type {MouseEvent} */ event) => {
    // A click outside the box has the dialog itself as its target.
    if (event.target === ref.current) ref.current?.close();
  };
  // deno-fmt-ignore
  return html`<dialog ref=${ref} aria-labelledby="dialog-title" onClose=${close} onClick=${click}>
    <div class="dialog-inner">
      <div class="dialog-body"><h2 id="dialog-title">${title}</h2></div>
      ${children}
    </div>
  </dialog>`;
}
