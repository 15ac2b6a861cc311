// One dead letter: its reason, its source, its content, and its replay.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { count } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useApiHas, useData } from "../lib/hooks.js";
import { href } from "../lib/router.js";
import { Ago } from "./basics.js";
import { Columns, RecordBytes, SourceLine } from "./dead_letter_content.js";
import { State } from "./state_mark.js";
import { tellFailure } from "./toasts.js";
import { WorkButton } from "./work_button.js";

/** @typedef {import("../types.ts").DeadLetter} DeadLetter @typedef {{ outcome: string, reason: string | null }} Outcome */

/** The content of a dead letter never changes. */
const NEVER_MS = 2_000_000_000;
const REPLAY = /^\/dead-letters\/\{id\}\/replay$/;

/** @param {{ deadLetter: DeadLetter, reload: () => void }} props */
export function DeadLetterCard({ deadLetter, reload }) {
  const [showsColumns, setShowsColumns] = useState(false);
  const [outcome, setOutcome] = useState(/** @type {Outcome | null} */ (null));
  const path = `/dead-letters/${encodeURIComponent(deadLetter.id)}`;
  // The list has shortened lines and no bytes, so the full dead letter is fetched.
  const whole =
    /** @type {import("../types.ts").Loaded<DeadLetter>} */ (useData(path, { poll: NEVER_MS }));
  const detail = whole.data ?? deadLetter;
  const isLine = deadLetter.text !== null;
  const replay = async () => {
    const isForced = outcome?.outcome === "superseded";
    try {
      setOutcome(await post(`${path}/replay${isForced ? "?force=true" : ""}`));
    } catch (error) {
      tellFailure("The dead letter could not be replayed.", error);
    }
    reload();
  };
  // deno-fmt-ignore
  return html`<article class="card dead-letter" aria-label=${deadLetter.reason}>
    <div class="dead-letter-head">
      <h2 class="reason">${deadLetter.reason}</h2>
      <${Replay} deadLetter=${deadLetter} outcome=${outcome} replay=${replay} />
    </div>
    <${Where} deadLetter=${deadLetter} />
    ${outcome === null ? null : html`<${OutcomeNote} ...${outcome} />`}
    ${isLine ? html`<${SourceLine} deadLetter=${detail} />` : null}
    ${isLine
      ? html`<div><button type="button" class="link-button small" aria-expanded=${String(showsColumns)}
          onClick=${() => setShowsColumns(!showsColumns)}>${showsColumns ? "Hide the columns" : "Show the columns"}</button></div>`
      : null}
    ${isLine && showsColumns ? html`<${Columns} deadLetter=${detail} />` : null}
    ${!isLine && detail.value_base64 !== undefined ? html`<${RecordBytes} deadLetter=${detail} />` : null}
  </article>`;
}

/** @param {{ deadLetter: DeadLetter, outcome: Outcome | null, replay: () => Promise<void> }} props */
function Replay({ deadLetter, outcome, replay }) {
  const canReplay = useApiHas("POST", REPLAY);
  if (deadLetter.replayed_at !== null) return html`<${State} state="completed" word="Replayed" />`;
  if (!canReplay) return null;
  const text = outcome?.outcome === "superseded" ? "Replay anyway" : "Replay";
  return html`<${WorkButton} work=${replay} class="button small">${text}<//>`;
}

/** The source of the dead letter, and when it failed. @param {{ deadLetter: DeadLetter }} props */
function Where({ deadLetter }) {
  const { source_file, source_line, topic, field, schema_id, run_id } = deadLetter;
  const line = source_line === null ? "" : `, line ${count(source_line)}`;
  // deno-fmt-ignore
  return html`<div class="where">
    <span>${stageText(deadLetter.stage)}</span>
    ${source_file === null ? null : html`<span class="mono">${source_file}${line}</span>`}
    ${topic === null ? null : html`<span class="mono">${topic}-${deadLetter.topic_partition}@${deadLetter.topic_offset}</span>`}
    ${field === null ? null : html`<span>field <code>${field}</code></span>`}
    ${schema_id === null ? null : html`<span>schema ${schema_id}</span>`}
    ${run_id === null ? null : html`<a href=${href(["runs", run_id])}>run …${run_id.slice(-6)}</a>`}
    <span>failed <${Ago} at=${deadLetter.at} /></span>
    ${deadLetter.replayed_at === null ? null : html`<span>replayed <${Ago} at=${deadLetter.replayed_at} /></span>`}
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

/** The outcome of a replay. @param {Outcome} props */
function OutcomeNote({ outcome, reason }) {
  const why = reason === null ? "" : ` ${reason}`;
  const text = outcome === "published"
    ? "Published again. It counts as replayed once the data store has loaded it."
    : outcome === "superseded"
    ? `Not replayed: the log has a newer record of this trajectory, which a replay would overwrite.${why}`
    : `The replay failed again.${why}`;
  // deno-fmt-ignore
  return html`<div class=${outcome === "published" ? "note" : "note warn"} role="status">${text}</div>`;
}
