// Starts a backfill of everything, a year, a month or a range of days; previews the files it would read.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { bytes, plural, utcDate } from "../lib/format.js";
import { html } from "../lib/html.js";
import { selectionOf } from "../lib/selection.js";
import { fileLabel } from "../lib/summary_files.js";
import { Dialog } from "./dialog.js";
import { tellRequested } from "./toasts.js";

/** @typedef {import("../types.ts").PreviewedFile} PreviewedFile @typedef {import("../lib/selection.js").Choice} Choice */
/** @typedef {import("../lib/selection.js").Values} Values */

/** The year of the network's first trajectories. */
const FIRST_YEAR = 2018;
const DAY_MS = 86_400_000;

/** @param {{ onClose: () => void }} props */
export function BackfillDialog({ onClose }) {
  const today = utcDate(Date.now());
  const [choice, setChoice] = useState(/** @type {Choice} */ ("range"));
  const [values, setValues] = useState({
    from: utcDate(Date.now() - 13 * DAY_MS),
    to: today,
    month: today.slice(0, 7),
    year: today.slice(0, 4),
  });
  const [preview, setPreview] = useState(
    /** @type {{ of: string, files: PreviewedFile[], nothing: string | null } | null} */ (null),
  );
  const [busy, setBusy] = useState(/** @type {"preview" | "start" | null} */ (null));
  const [problem, setProblem] = useState(/** @type {string | null} */ (null));

  const selection = selectionOf(choice, values);
  const asked = JSON.stringify(selection);
  const attempt = async (
    /** @type {"preview" | "start"} */ what,
    /** @type {() => Promise<void>} */ work,
  ) => {
    setBusy(what);
    setProblem(null);
    try {
      await work();
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
    }
    setBusy(null);
  };
  const loadPreview = () =>
    attempt("preview", async () => {
      const { files, nothing } = /** @type {{ files: PreviewedFile[], nothing: string | null }} */ (
        await post("/backfill?dry_run=true", selection)
      );
      setPreview({ of: asked, files, nothing });
    });
  const start = () =>
    attempt("start", async () => {
      tellRequested("The backfill", await post("/backfill", selection));
      onClose();
    });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    start();
  };
  const set = (/** @type {keyof Values} */ name) => (/** @type {InputEvent} */ event) =>
    setValues({ ...values, [name]: /** @type {HTMLInputElement} */ (event.target).value });

  // deno-fmt-ignore
  return html`<${Dialog} title="Start a backfill" onClose=${onClose}>
    <form onSubmit=${submit}>
      <div class="dialog-body">
        <${Choices} choice=${choice} choose=${setChoice} values=${values} set=${set} thisMonth=${today.slice(0, 7)} />
        ${problem === null ? null : html`<div class="note bad" role="alert">${problem}</div>`}
        ${preview === null || preview.of !== asked ? null : html`<${Preview} ...${preview} />`}
      </div>
      <div class="dialog-foot">
        <button type="button" class="button" onClick=${onClose}>Close</button>
        <button type="button" class="button" disabled=${busy !== null} onClick=${loadPreview}>
          ${busy === "preview" ? "Asking the source…" : "Preview"}
        </button>
        <button class="button primary" disabled=${busy !== null}>Start the backfill</button>
      </div>
    </form>
  <//>`;
}

/**
 * The selection: one of four choices, with its inputs.
 * @param {{
 *   choice: Choice, choose: (choice: Choice) => void, values: Values,
 *   set: (name: keyof Values) => (event: InputEvent) => void, thisMonth: string,
 * }} props
 */
function Choices({ choice, choose, values, set, thisMonth }) {
  // deno-fmt-ignore
  return html`<fieldset class="choices">
    <legend class="hidden">What to read</legend>
    <${Option} name="range" text="A range of days" choice=${choice} choose=${choose}>
      <label class="field"><span>First day (UTC)</span>
        <input type="date" value=${values.from} max=${values.to} required onInput=${set("from")} /></label>
      <label class="field"><span>Last day</span>
        <input type="date" value=${values.to} min=${values.from} required onInput=${set("to")} /></label>
    <//>
    <${Option} name="month" text="A month" choice=${choice} choose=${choose}>
      <label class="field"><span>Month</span>
        <input type="month" value=${values.month} min=${`${FIRST_YEAR}-12`} max=${thisMonth}
          pattern="[0-9]{4}-[0-9]{2}" required onInput=${set("month")} /></label>
    <//>
    <${Option} name="year" text="A year" choice=${choice} choose=${choose}>
      <label class="field"><span>Year</span>
        <input type="number" value=${values.year} min=${FIRST_YEAR} max=${thisMonth.slice(0, 4)}
          required onInput=${set("year")} /></label>
    <//>
    <${Option} name="all" text="Everything, since December 2018" choice=${choice} choose=${choose}>
      <p class="small muted">One file with every trajectory. A file that has not changed is skipped.</p>
    <//>
  </fieldset>`;
}

/**
 * @param {{
 *   name: Choice, text: string, choice: Choice, choose: (choice: Choice) => void, children?: unknown,
 * }} props
 */
function Option({ name, text, choice, choose, children }) {
  const id = `choice-${name}`;
  // deno-fmt-ignore
  return html`<div class="choice">
    <input type="radio" name="choice" id=${id} checked=${choice === name} onChange=${() => choose(name)} />
    <label for=${id}>${text}</label>
    ${choice === name ? html`<div class="choice-inputs">${children}</div>` : null}
  </div>`;
}

/** @param {{ files: PreviewedFile[], nothing: string | null }} props */
function Preview({ files, nothing }) {
  const reading = files.filter(({ skip }) => skip === null);
  const size = reading.reduce((sum, file) => sum + (file.size_bytes ?? 0), 0);
  const sum = [
    `${plural(reading.length, "file")} to read`,
    size > 0 ? `, about ${bytes(size)}` : "",
    files.length > reading.length ? `; ${files.length - reading.length} unchanged` : "",
  ].join("");
  // deno-fmt-ignore
  return html`<div role="status">
    <p><strong>${nothing ?? sum}</strong></p>
    ${files.length === 0 ? null : html`<ul class="file-list" tabindex="0" aria-label="Files of the backfill">
      ${files.map(({ file, size_bytes, skip }) => {
        const { main, more } = fileLabel(file);
        return html`<li key=${file} title=${file}>
          <span>${main} <span class="muted">${more}</span></span>
          <span class="muted">${skip ?? bytes(size_bytes)}</span>
        </li>`;
      })}
    </ul>`}
  </div>`;
}
