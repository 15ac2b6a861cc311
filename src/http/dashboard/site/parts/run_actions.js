// What a person can ask of runs: the daily extraction now, a backfill, cancel, retry.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { selectionText } from "../lib/format.js";
import { html } from "../lib/html.js";
import { href } from "../lib/router.js";
import { BackfillDialog } from "./backfill_dialog.js";
import { tell, tellFailure } from "./toasts.js";

/** @typedef {import("../types.ts").RunView} RunView */

/** A button that is off while its work goes on. @param {{ work: () => Promise<void>, class?: string, children?: unknown }} props */
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

/** Says so, with a link to the run. @param {string} what @param {{ run_id: string, is_new?: boolean }} answer */
export function tellRequested(what, answer) {
  tell(`${what} is requested.`, { href: href(["runs", answer.run_id]), text: "See the run" });
}

/** Both ways to start a run. */
export function StartRuns() {
  const [isOpen, setOpen] = useState(false);
  const extract = async () => {
    try {
      tellRequested("The daily extraction", await post("/extract"));
    } catch (error) {
      tellFailure("The daily extraction could not be requested.", error);
    }
  };
  // deno-fmt-ignore
  return html`<div class="actions">
    <${WorkButton} work=${extract}>Run the daily extraction<//>
    <button type="button" class="button primary" onClick=${() => setOpen(true)}>Start a backfill…</button>
    ${isOpen ? html`<${BackfillDialog} onClose=${() => setOpen(false)} />` : null}
  </div>`;
}

/** Cancel or retry, as the run's state allows. @param {{ run: RunView, done?: () => void }} props */
export function RunActions({ run, done = () => {} }) {
  const name = `The run of ${selectionText(run.selection)}`;
  const cancel = async () => {
    try {
      await post(`/runs/${run.id}/cancel`);
      tell(`${name} is cancelled.`);
    } catch (error) {
      tellFailure(`${name} could not be cancelled.`, error);
    }
    done();
  };
  const retry = async () => {
    try {
      tellRequested("The retry", await post(`/runs/${run.id}/retry`));
    } catch (error) {
      tellFailure(`${name} could not be retried.`, error);
    }
    done();
  };
  if (run.state === "running" || run.state === "requested") {
    return html`<${WorkButton} work=${cancel} class="button danger">Cancel this run<//>`;
  }
  if ((run.state === "failed" || run.state === "cancelled") && run.kind !== "upload") {
    return html`<${WorkButton} work=${retry} class="button primary">Retry what is left<//>`;
  }
  return null;
}
