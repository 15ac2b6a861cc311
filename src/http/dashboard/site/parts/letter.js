// One dead letter: its reason, where it comes from, what it holds, and another try.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { count } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useApiHas, useData } from "../lib/hooks.js";
import { href } from "../lib/router.js";
import { Ago } from "./basics.js";
import { Columns, RecordBytes, SourceLine } from "./letter_content.js";
import { WorkButton } from "./run_actions.js";
import { State } from "./state_mark.js";
import { tellFailure } from "./toasts.js";

/** @typedef {import("../types.ts").DeadLetter} DeadLetter @typedef {{ outcome: string, reason: string | null }} Outcome */

/** A letter's content never changes. */
const NEVER_MS = 2_000_000_000;
const REPLAY = /^\/dead-letters\/\{id\}\/replay$/;

/** @param {{ letter: DeadLetter, reload: () => void }} props */
export function Letter({ letter, reload }) {
  const [showsColumns, setShowsColumns] = useState(false);
  const [outcome, setOutcome] = useState(/** @type {Outcome | null} */ (null));
  const path = `/dead-letters/${encodeURIComponent(letter.id)}`;
  // The list has lines cut short, and no bytes.
  const whole =
    /** @type {import("../types.ts").Loaded<DeadLetter>} */ (useData(path, { poll: NEVER_MS }));
  const detail = whole.data ?? letter;
  const isLine = letter.text !== null;
  const replay = async () => {
    const isForced = outcome?.outcome === "superseded";
    try {
      setOutcome(await post(`${path}/replay${isForced ? "?force=true" : ""}`));
    } catch (error) {
      tellFailure("The letter could not be replayed.", error);
    }
    reload();
  };
  // deno-fmt-ignore
  return html`<article class="card letter" aria-label=${letter.reason}>
    <div class="letter-head">
      <h2 class="reason">${letter.reason}</h2>
      <${Replay} letter=${letter} outcome=${outcome} replay=${replay} />
    </div>
    <${Where} letter=${letter} />
    ${outcome === null ? null : html`<${OutcomeNote} ...${outcome} />`}
    ${isLine ? html`<${SourceLine} letter=${detail} />` : null}
    ${isLine
      ? html`<div><button type="button" class="link-button small" aria-expanded=${String(showsColumns)}
          onClick=${() => setShowsColumns(!showsColumns)}>${showsColumns ? "Hide the columns" : "Column by column"}</button></div>`
      : null}
    ${isLine && showsColumns ? html`<${Columns} letter=${detail} />` : null}
    ${!isLine && detail.value_base64 !== undefined ? html`<${RecordBytes} letter=${detail} />` : null}
  </article>`;
}

/** @param {{ letter: DeadLetter, outcome: Outcome | null, replay: () => Promise<void> }} props */
function Replay({ letter, outcome, replay }) {
  const canReplay = useApiHas("POST", REPLAY);
  if (letter.replayed_at !== null) return html`<${State} state="completed" word="Replayed" />`;
  if (!canReplay) return null;
  const text = outcome?.outcome === "superseded" ? "Replay all the same" : "Replay";
  return html`<${WorkButton} work=${replay} class="button small">${text}<//>`;
}

/** Where it comes from and when it was given up. @param {{ letter: DeadLetter }} props */
function Where({ letter }) {
  const { source_file, source_line, topic, field, schema_id, run_id } = letter;
  const line = source_line === null ? "" : `, line ${count(source_line)}`;
  // deno-fmt-ignore
  return html`<div class="where">
    <span>${stageText(letter.stage)}</span>
    ${source_file === null ? null : html`<span class="mono">${source_file}${line}</span>`}
    ${topic === null ? null : html`<span class="mono">${topic}-${letter.topic_partition}@${letter.topic_offset}</span>`}
    ${field === null ? null : html`<span>field <code>${field}</code></span>`}
    ${schema_id === null ? null : html`<span>schema ${schema_id}</span>`}
    ${run_id === null ? null : html`<a href=${href(["runs", run_id])}>run …${run_id.slice(-6)}</a>`}
    <span>given up <${Ago} at=${letter.at} /></span>
    ${letter.replayed_at === null ? null : html`<span>replayed <${Ago} at=${letter.replayed_at} /></span>`}
  </div>`;
}

/** @param {DeadLetter["stage"]} stage */
function stageText(stage) {
  const texts = {
    read: "a line could not be read",
    fetch: "a record batch could not be read",
    decode: "a record could not be decoded",
    load: "the database refused a record",
  };
  return texts[stage] ?? stage;
}

/** What became of a replay. @param {Outcome} props */
function OutcomeNote({ outcome, reason }) {
  const why = reason === null ? "" : ` ${reason}`;
  const text = outcome === "published"
    ? "It is on the log again; it counts as replayed when the data store has loaded it."
    : outcome === "superseded"
    ? `Not replayed: the log has a later record of this trajectory, which this one would overwrite.${why}`
    : `It can't go on now either.${why}`;
  // deno-fmt-ignore
  return html`<div class=${outcome === "published" ? "note" : "note warn"} role="status">${text}</div>`;
}
