// The actions on runs: start the daily extraction or a backfill, cancel, retry.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { selectionText } from "../lib/selection.js";
import { html } from "../lib/html.js";
import { BackfillDialog } from "./backfill_dialog.js";
import { tell, tellFailure, tellRequested } from "./toasts.js";
import { WorkButton } from "./work_button.js";

/** @typedef {import("../types.ts").RunView} RunView */

/** The two ways to start a run. */
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
      tell(`${name} was cancelled.`);
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
    return html`<${WorkButton} work=${retry} class="button primary">Retry the remaining files<//>`;
  }
  return null;
}
