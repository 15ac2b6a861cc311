// Lines and records that could not be processed: the reason, and their exact content, with the wrong value marked.
import { html } from "../lib/html.js";
import { useData, useTitle } from "../lib/hooks.js";
import { go, href } from "../lib/router.js";
import { Empty, Show } from "../parts/basics.js";
import { DeadLetterCard } from "../parts/dead_letter.js";
import { ReplayAll } from "../parts/replay_all.js";

/** @typedef {import("../types.ts").DeadLetter} DeadLetter @typedef {{ dead_letters: DeadLetter[], next: string | null }} Page */

const PAGE = 15;
const WHICH = [["false", "Waiting"], ["true", "Replayed"], ["all", "All"]];
const STAGES = [
  ["", "All stages"],
  ["read", "Lines that could not be read"],
  ["fetch", "Record batches that could not be read"],
  ["decode", "Records that could not be decoded"],
  ["load", "Records the database refused"],
];

/** @param {{ query: URLSearchParams }} props */
export function DeadLettersView({ query }) {
  useTitle("Dead letters");
  const which = query.get("replayed") ?? "false";
  const deadLetters = /** @type {import("../types.ts").Loaded<Page>} */ (
    useData(`/dead-letters?${parametersOf(query, which)}`, {
      topics: ["dead_letters", "runs"],
      atMostEvery: 2_000,
    })
  );
  const refine = (/** @type {Record<string, string | null>} */ change) =>
    go(href(["dead-letters"], { ...Object.fromEntries(query), after: null, ...change }));
  // deno-fmt-ignore
  return html`<div>
    <div class="page-head">
      <div>
        <h1 tabindex="-1">Dead letters</h1>
        <p>Lines that could not be read, and records that could not be decoded or stored. Nothing is dropped:
          each is kept with its reason and can be replayed after a fix.</p>
      </div>
      ${which === "false" ? html`<${ReplayAll} filter=${replayFilter(query)} reload=${deadLetters.reload} />` : null}
    </div>
    <div class="stack">
      <${Filter} query=${query} which=${which} refine=${refine} />
      <${Show} of=${deadLetters} what="the dead letters">${(/** @type {Page} */ { dead_letters, next }) =>
        html`<div class="stack">
          ${dead_letters.length === 0 ? html`<${NoDeadLetters} which=${which} />` : null}
          ${dead_letters.map((one) => html`<${DeadLetterCard} key=${one.id} deadLetter=${one} reload=${deadLetters.reload} />`)}
          <div class="actions">
            ${query.get("after") === null ? null : html`<${Turn} text="Newest dead letters" go=${() => refine({})} />`}
            ${next === null ? null : html`<${Turn} text="Older dead letters" go=${() => refine({ after: next })} />`}
          </div>
        </div>`}<//>
    </div>
  </div>`;
}

/** @param {{ text: string, go: () => void }} props */
function Turn({ text, go }) {
  return html`<button type="button" class="button small" onClick=${go}>${text}</button>`;
}

/** The filter as `GET /dead-letters` expects it. @param {URLSearchParams} query @param {string} which */
function parametersOf(query, which) {
  const parameters = new URLSearchParams({ limit: String(PAGE) });
  for (const [name, as] of [["stage", "stage"], ["run", "run_id"], ["after", "after"]]) {
    const value = query.get(name);
    if (value !== null) parameters.set(as, value);
  }
  if (which !== "all") parameters.set("replayed", which);
  return parameters;
}

/** The filter as a replay expects it. @param {URLSearchParams} query */
function replayFilter(query) {
  const [stage, run] = [query.get("stage"), query.get("run")];
  return { ...(stage === null ? {} : { stage }), ...(run === null ? {} : { run_id: run }) };
}

/** @param {{ query: URLSearchParams, which: string, refine: (change: Record<string, string | null>) => void }} props */
function Filter({ query, which, refine }) {
  const stage = query.get("stage") ?? "";
  const run = query.get("run");
  const choose = (/** @type {Event} */ event) =>
    refine({ stage: /** @type {HTMLSelectElement} */ (event.target).value });
  // deno-fmt-ignore
  return html`<section class="card filters" aria-label="Filter">
    <div class="segmented" role="group" aria-label="Which dead letters">
      ${WHICH.map(([value, text]) =>
        html`<button key=${value} type="button" aria-pressed=${String(which === value)}
          onClick=${() => refine({ replayed: value })}>${text}</button>`
      )}
    </div>
    <label class="field"><span>Stage</span>
      <select onChange=${choose}>
        ${STAGES.map(([value, text]) => html`<option key=${value} value=${value} selected=${stage === value}>${text}</option>`)}
      </select>
    </label>
    ${run === null ? null : html`<button type="button" class="button small" onClick=${() => refine({ run: null })}>
      Run …${run.slice(-6)} <span aria-hidden="true">×</span><span class="hidden">, remove this filter</span>
    </button>`}
  </section>`;
}

/** @param {{ which: string }} props */
function NoDeadLetters({ which }) {
  // deno-fmt-ignore
  return html`<div class="card">
    ${which === "true"
      ? html`<${Empty} title="Nothing replayed yet">Dead letters that were replayed successfully are listed here.<//>`
      : html`<${Empty} title="No dead letters">Every line was read, and every record stored.<//>`}
  </div>`;
}
