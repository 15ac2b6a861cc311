// The notice on every page while the log may not be the data store's: what was found, and the commands that decide.
import { html } from "../lib/html.js";

/** @param {{ log: import("../types.ts").ServiceStatus["log"] }} props */
export function LogNotice({ log }) {
  if (log === null || log.verdict === "ok") return null;
  const { summary, found, decisions, page } = log;
  // deno-fmt-ignore
  return html`<div class="log-notice" role="alert">
    <details>
      <summary><strong>Nothing is published or loaded:</strong> ${summary}. What is shown is complete up to then.</summary>
      <ul>${found.map((fact) => html`<li key=${fact}>${fact}</li>`)}</ul>
      <p>Decide with one of these (${page} says which):</p>
      <ul>${decisions.map(({ command, effect }) => html`<li key=${command}><code>${command}</code> ${effect}</li>`)}</ul>
    </details>
  </div>`;
}
