// Asks for the API's token when a call needs one.
import { useEffect, useState } from "preact/hooks";
import { setTokenDialog } from "../lib/api.js";
import { html } from "../lib/html.js";
import { Dialog } from "./dialog.js";

/** Rendered once; opens itself. */
export function TokenDialog() {
  const [asked, setAsked] = useState(
    /** @type {{ reason: string, answer: (token: string | null) => void } | null} */ (null),
  );
  useEffect(() => {
    setTokenDialog((reason) => new Promise((answer) => setAsked({ reason, answer })));
    return () => setTokenDialog(() => Promise.resolve(null));
  }, []);
  if (asked === null) return null;

  const end = (/** @type {string | null} */ token) => {
    setAsked(null);
    asked.answer(token);
  };
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const token = new FormData(/** @type {HTMLFormElement} */ (event.target)).get("token");
    end(String(token).trim());
  };
  // deno-fmt-ignore
  return html`<${Dialog} title="API token" onClose=${() => end(null)}>
    <form onSubmit=${submit}>
      <div class="dialog-body">
        <p role="alert">${asked.reason}</p>
        <label class="field">
          <span>Token (the service’s setting <code>API_TOKEN</code>)</span>
          <input type="password" name="token" required autocomplete="off" spellcheck=${false} autofocus />
        </label>
        <p class="small muted">Kept in this tab until you close it.</p>
      </div>
      <div class="dialog-foot">
        <button type="button" class="button" onClick=${() => end(null)}>Cancel</button>
        <button class="button primary">Use this token</button>
      </div>
    </form>
  <//>`;
}
