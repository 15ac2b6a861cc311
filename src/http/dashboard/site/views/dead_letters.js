// @ts-check
// What could not go on: why, and exactly what it was, with the value that was wrong marked.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { count } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useApiHas, useData, useTitle } from "../lib/hooks.js";
import { go, href } from "../lib/router.js";
import { Ago, Card, Empty, Show } from "../parts/basics.js";
import { RecordBytes, SourceLine } from "../parts/letter_content.js";
import { WorkButton } from "../parts/run_actions.js";
import { State } from "../parts/state_mark.js";
import { tell, tellFailure } from "../parts/toasts.js";

/** @typedef {import("../types.ts").DeadLetter} DeadLetter */

const PAGE = 15;
/** A letter's content never changes. */
const NEVER_MS = 2_000_000_000;

const STAGES = [["", "All stages"], ["read", "Lines that could not be read"], ["decode", "Records that could not be decoded"], ["load", "Records the database refused"]];

/** @param {{ query: URLSearchParams }} props */
export function DeadLettersView({ query }) {
  useTitle("Dead letters");
  const given = Object.fromEntries(query);
  const shown = query.get("replayed") ?? "false";
  const asked = new URLSearchParams({ limit: String(PAGE) });
  for (const [name, as] of [["stage", "stage"], ["run", "run_id"], ["after", "after"]]) {
    const value = query.get(name);
    if (value !== null) asked.set(as, value);
  }
  if (shown !== "all") asked.set("replayed", shown);
  const letters = useData(`/dead-letters?${asked}`, { topics: ["dead_letters", "runs"], atMostEvery: 2_000 });
  const refine = (/** @type {Record<string, string | null>} */ change) => go(href(["dead-letters"], { ...given, after: null, ...change }));
  return html`<div>
    <div class="page-head"><div>
      <h1 tabindex="-1">Dead letters</h1>
      <p>Lines of files that could not be read, and records that could not be decoded or stored. Nothing is dropped: each is kept with its reason, and can be replayed after a mend.</p>
    </div></div>
    <div class="stack">
      <section class="card filters" aria-label="Filter">
        <div class="segmented" role="group" aria-label="Which letters">
          ${[["false", "Waiting"], ["true", "Replayed"], ["all", "All"]].map(([value, text]) =>
            html`<button key=${value} type="button" aria-pressed=${String(shown === value)} onClick=${() => refine({ replayed: value })}>${text}</button>`
          )}
        </div>
        <label class="field"><span>Stage</span>
          <select onChange=${(/** @type {Event} */ event) => refine({ stage: /** @type {HTMLSelectElement} */ (event.target).value })}>
            ${STAGES.map(([value, text]) => html`<option key=${value} value=${value} selected=${(query.get("stage") ?? "") === value}>${text}</option>`)}
          </select>
        </label>
        ${query.get("run") === null ? null : html`<button type="button" class="button small" onClick=${() => refine({ run: null })}>
          Run …${String(query.get("run")).slice(-6)} <span aria-hidden="true">×</span><span class="hidden">, take this filter away</span>
        </button>`}
      </section>
      <${Show} of=${letters} what="the dead letters">${(/** @type {{ dead_letters: DeadLetter[], next: string | null }} */ data) =>
        html`<${Letters} letters=${data.dead_letters} next=${data.next} shown=${shown} older=${() => refine({ after: data.next })} isFirst=${query.get("after") === null} newest=${() => refine({})} reload=${letters.reload} />`}<//>
    </div>
  </div>`;
}

/** @param {{ letters: DeadLetter[], next: string | null, shown: string, isFirst: boolean, older: () => void, newest: () => void, reload: () => void }} props */
function Letters({ letters, next, shown, isFirst, older, newest, reload }) {
  if (letters.length === 0) {
    return html`<div class="card"><${Empty} title=${shown === "true" ? "Nothing was replayed" : "No dead letters"}>
      ${shown === "true" ? "Letters that were replayed with success are listed here." : "Every line and every record went its way."}
    <//></div>`;
  }
  return html`<div class="stack">
    ${letters.map((letter) => html`<${Letter} key=${letter.id} letter=${letter} reload=${reload} />`)}
    <div class="actions">
      ${isFirst ? null : html`<button type="button" class="button small" onClick=${newest}>Newest letters</button>`}
      ${next === null ? null : html`<button type="button" class="button small" onClick=${older}>Older letters</button>`}
    </div>
  </div>`;
}

/** @param {{ letter: DeadLetter, reload: () => void }} props */
function Letter({ letter, reload }) {
  const [isRaw, setRaw] = useState(false);
  const canReplay = useApiHas("POST", /^\/dead-letters\/\{id\}\/replay$/);
  const whole = useData(`/dead-letters/${encodeURIComponent(letter.id)}`, { poll: NEVER_MS });
  const detail = /** @type {DeadLetter} */ (whole.data ?? letter);
  const replay = async () => {
    try {
      const answer = await post(`/dead-letters/${encodeURIComponent(letter.id)}/replay`);
      tell(typeof answer.message === "string" ? answer.message : "The letter is replayed.");
    } catch (error) {
      tellFailure("The letter could not be replayed.", error);
    }
    reload();
  };
  const isLine = letter.text !== null;
  return html`<article class="card letter" aria-label=${letter.reason}>
    <div class="letter-head">
      <h2 class="reason">${letter.reason}</h2>
      ${letter.replayed_at !== null
        ? html`<${State} state="completed" word="Replayed" />`
        : canReplay
        ? html`<${WorkButton} work=${replay} class="button small">Replay<//>`
        : null}
    </div>
    <div class="where">
      <span>${stageText(letter.stage)}</span>
      ${letter.source_file === null ? null : html`<span class="mono">${letter.source_file}${letter.source_line === null ? "" : `, line ${count(letter.source_line)}`}</span>`}
      ${letter.topic === null ? null : html`<span class="mono">${letter.topic}-${letter.topic_partition}@${letter.topic_offset}</span>`}
      ${letter.field === null ? null : html`<span>field <code>${letter.field}</code></span>`}
      ${letter.schema_id === null ? null : html`<span>schema ${letter.schema_id}</span>`}
      ${letter.run_id === null ? null : html`<a href=${href(["runs", letter.run_id])}>run …${letter.run_id.slice(-6)}</a>`}
      <span>given up <${Ago} at=${letter.at} /></span>
      ${letter.replayed_at === null ? null : html`<span>replayed <${Ago} at=${letter.replayed_at} /></span>`}
    </div>
    ${isLine ? html`<${SourceLine} letter=${detail} />` : null}
    ${!isLine && detail.value_base64 !== undefined ? html`<${RecordBytes} letter=${detail} />` : null}
    ${isLine ? html`<div><button type="button" class="link-button small" aria-expanded=${String(isRaw)} onClick=${() => setRaw(!isRaw)}>${isRaw ? "Hide the columns" : "Column by column"}</button></div>` : null}
    ${isRaw ? html`<${Columns} letter=${detail} />` : null}
  </article>`;
}

/** @param {DeadLetter["stage"]} stage */
function stageText(stage) {
  return { read: "a line could not be read", decode: "a record could not be decoded", load: "the database refused a record" }[stage] ?? stage;
}

/** The line's cells with the names of their fields. @param {{ letter: DeadLetter }} props */
function Columns({ letter }) {
  const cells = (letter.text ?? "").split(";");
  return html`<${Card} title="Columns of the line" id=${`columns-${letter.id}`} aside=${`${cells.length} cells`} flush>
    <div class="table-scroll" tabindex="0" role="region" aria-label="Columns of the line"><table>
      <thead><tr><th scope="col" class="number">#</th><th scope="col">Field</th><th scope="col">Cell</th></tr></thead>
      <tbody>${cells.map((cell, at) => {
        const name = letter.columns?.[at] ?? null;
        const isWrong = name !== null && name === letter.field;
        return html`<tr key=${at}>
          <td class="number">${at + 1}</td>
          <th scope="row" class="mono">${name ?? html`<span class="muted">no such column</span>`}</th>
          <td class="mono">${isWrong ? html`<mark>${cell.trim() === "" ? "(empty)" : cell.trim()}</mark>` : cell.trim()}</td>
        </tr>`;
      })}</tbody>
    </table></div>
  <//>`;
}
