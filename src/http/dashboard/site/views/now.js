// The current state of the service: its parts, its schedule, how far the data store is behind the log, recent events.
import { post } from "../lib/api.js";
import { count, plural, utc } from "../lib/format.js";
import { selectionText } from "../lib/selection.js";
import { html } from "../lib/html.js";
import { useData, useLive, useTitle } from "../lib/hooks.js";
import { href } from "../lib/router.js";
import { isOver, rowsUnderWay } from "../lib/run_numbers.js";
import { Ago, Bones, Card, Empty, Meter, PageError, Show } from "../parts/basics.js";
import { EventList } from "../parts/event_list.js";
import { RunActions, StartRuns } from "../parts/run_actions.js";
import { RunProgress } from "../parts/run_progress.js";
import { shownState, State } from "../parts/state_mark.js";
import { Waiting } from "../parts/waiting.js";
import { tell, tellFailure } from "../parts/toasts.js";
import { WorkButton } from "../parts/work_button.js";

/** @typedef {import("../types.ts").ServiceStatus} ServiceStatus @typedef {import("../types.ts").RunView} RunView */
/** @typedef {import("../types.ts").MeteorTotals} MeteorTotals */
/**
 * @template Data
 * @typedef {import("../types.ts").Loaded<Data>} Loaded
 */

const PARTS = /** @type {const} */ ([
  ["broker", "Broker"],
  ["registry", "Schema registry"],
  ["database", "Database"],
  ["disk", "Disk"],
  ["consumer", "Consumer"],
  ["runs", "Runs"],
]);
const RECENT_RUNS = 6;

export function NowView() {
  useTitle("Now");
  const status = /** @type {Loaded<ServiceStatus>} */ (
    useData("/status", { topics: ["status", "store", "runs", "dead_letters"] })
  );
  const totals = /** @type {Loaded<MeteorTotals>} */ (
    useData("/statistics/totals", { topics: ["store"], atMostEvery: 3_000 })
  );
  const runs = /** @type {Loaded<{ runs: RunView[] }>} */ (
    useData(`/runs?limit=${RECENT_RUNS}`, { topics: ["runs"] })
  );
  // deno-fmt-ignore
  return html`<div>
    <div class="page-head">
      <div><h1 tabindex="-1">Now</h1><${ServiceLine} status=${status.data} /></div>
      <${StartRuns} />
    </div>
    <${PageError} of=${status} what="The status of the service is unknown." />
    <div class="stack">
      <${Parts} status=${status.data} />
      <${Tiles} status=${status.data} totals=${totals.data} reload=${status.reload} />
      <div class="now-columns">
        <div class="stack">
          <${Show} of=${runs} what="the runs">${(/** @type {{ runs: RunView[] }} */ { runs }) =>
            html`<${Runs} runs=${runs} reload=${status.reload} />`}<//>
          <${Lag} status=${status.data} />
        </div>
        <${Activity} />
      </div>
    </div>
  </div>`;
}

/** @param {{ status: ServiceStatus | null }} props */
function ServiceLine({ status }) {
  if (status === null) return html`<p>Loading the status…</p>`;
  // deno-fmt-ignore
  return html`<p>
    Version ${status.version}, started <${Ago} at=${status.started_at} />, as ${status.roles.join(", ")}
  </p>`;
}

/** @param {{ status: ServiceStatus | null }} props */
function Parts({ status }) {
  // deno-fmt-ignore
  return html`<section class="card parts-strip" aria-label="Parts of the service">
    ${PARTS.map(([name, title]) => {
      const part = status?.parts[name];
      return html`<div key=${name}>
        <div class="part-name">
          <h2>${title}</h2>
          ${part === undefined ? null : html`<${State} state=${part.ready ? "ready" : "away"} />`}
        </div>
        <div class="detail">${part?.detail ?? "…"}</div>
      </div>`;
    })}
  </section>`;
}

/** @param {{ status: ServiceStatus | null, totals: MeteorTotals | null, reload: () => void }} props */
function Tiles({ status, totals, reload }) {
  const lag = status?.lag.reduce((sum, { lag }) => sum + lag, 0);
  const deadLetters = status?.store?.dead_letters;
  // deno-fmt-ignore
  return html`<div class="tiles">
    <div class="card tile">
      <div class="name">Meteors in the data store</div>
      <div class="value">${count(totals?.meteors ?? status?.store?.meteors)}</div>
      <div class="more">${totals?.last ? html`newest <${Ago} at=${totals.last} />` : totals ? "none yet" : "\u00a0"}</div>
    </div>
    <div class="card tile">
      <div class="name">Stored or changed today</div>
      <div class="value">${count(totals?.loaded_today)}</div>
      <div class="more">${totals?.newest_update ? html`last <${Ago} at=${totals.newest_update} />` : "since 0:00 UTC"}</div>
    </div>
    <div class="card tile">
      <div class="name">Lag of the data store</div>
      <div class="value">${count(lag)}</div>
      <div class="more">${lag === 0 ? "everything on the log is loaded" : "records on the log not loaded yet"}</div>
    </div>
    <div class="card tile">
      <div class="name">Dead letters</div>
      <div class=${deadLetters !== undefined && deadLetters > 0 ? "value tone-warn" : "value"}>${count(deadLetters)}</div>
      <div class="more">${deadLetters === 0 ? "none waiting" : html`<a href="#/dead-letters">review them</a>`}</div>
    </div>
    <${Schedule} status=${status} reload=${reload} />
  </div>`;
}

/** @param {{ status: ServiceStatus | null, reload: () => void }} props */
function Schedule({ status, reload }) {
  const schedule = status?.schedule;
  if (schedule === undefined || schedule === null) {
    // deno-fmt-ignore
    return html`<div class="card tile">
      <div class="name">Next daily extraction</div>
      <div class="value">–</div>
      <div class="more">${status === null ? "\u00a0" : "another process runs the schedule"}</div>
    </div>`;
  }
  const paused = schedule.paused_since !== null;
  const change = async () => {
    try {
      await post(paused ? "/schedule/resume" : "/schedule/pause");
      tell(
        paused ? "The schedule is running again." : "The schedule is paused until it is resumed.",
      );
    } catch (error) {
      tellFailure("The schedule could not be changed.", error);
    }
    reload();
  };
  // deno-fmt-ignore
  return html`<div class="card tile">
    <div class="name">Next daily extraction</div>
    <div class=${paused ? "value tone-warn" : "value"}>${paused ? "Paused" : html`<${Ago} at=${schedule.next} />`}</div>
    <div class="more">
      ${paused ? html`since <${Ago} at=${schedule.paused_since} />` : utc(schedule.next).replace(":00 UTC", " UTC")}
      ${" · "}<code class="nowrap" title="cron pattern, UTC">${schedule.pattern}</code>
      ${schedule.leader || paused ? "" : " · run by another process"}
      ${" · "}<${WorkButton} work=${change} class="link-button">${paused ? "Resume" : "Pause"}<//>
    </div>
    ${schedule.problem === null ? null : html`<div class="more tone-warn">${schedule.problem}</div>`}
  </div>`;
}

/** @param {{ runs: RunView[], reload: () => void }} props */
function Runs({ runs, reload }) {
  // deno-fmt-ignore
  return html`<${Card} title="Runs" aside=${html`<a href="#/runs">All runs</a>`} flush>
    ${runs.length === 0
      ? html`<${Empty} title="No runs yet">The schedule starts the next one; the buttons above start one now.<//>`
      : runs.map((run) => html`<${RunCard} key=${run.id} run=${run} reload=${reload} />`)}
  <//>`;
}

/** @param {{ run: RunView, reload: () => void }} props */
function RunCard({ run, reload }) {
  const over = isOver(run) && rowsUnderWay(run) === 0;
  // deno-fmt-ignore
  return html`<article class="run-card" aria-label=${`${run.kind} run, ${selectionText(run.selection)}`}>
    <div class="run-card-head">
      <div>
        <${State} state=${shownState(run)} />${" "}
        <a href=${href(["runs", run.id])}>${run.kind}, ${selectionText(run.selection)}</a>
        <span class="muted"> by ${run.requested_by}</span>
      </div>
      <div class="muted small"><${Ago} at=${run.ended_at ?? run.started_at ?? run.requested_at} /></div>
    </div>
    ${run.waiting === null ? null : html`<div class="small"><${Waiting} of=${run.waiting} /></div>`}
    ${over
      ? html`<div class="small muted">${outcomeText(run)}</div>`
      : html`<div class="stack"><${RunProgress} run=${run} /><div><${RunActions} run=${run} done=${reload} /></div></div>`}
    ${over && run.reason !== null ? html`<div class="small tone-bad">${run.reason}</div>` : null}
  </article>`;
}

/** The outcome of a run that has ended. @param {RunView} run */
function outcomeText({ files, rows }) {
  return [
    `${plural(files.extracted, "file")} extracted, ${count(files.skipped)} skipped`,
    files.failed > 0 ? `, ${count(files.failed)} failed` : "",
    ` · ${plural(rows.published, "row")} published`,
    rows.new === null || rows.loaded === 0
      ? ""
      : ` (${count(rows.new)} new, ${count(rows.changed ?? 0)} changed)`,
    rows.unchanged > 0 ? `, ${count(rows.unchanged)} unchanged` : "",
    rows.rejected > 0 ? `, ${count(rows.rejected)} rejected` : "",
  ].join("");
}

/** @param {{ status: ServiceStatus | null }} props */
function Lag({ status }) {
  // deno-fmt-ignore
  return html`<${Card} title="Log and data store" aside="records by partition" flush>
    ${status === null
      ? html`<${Bones} what="the lag" />`
      : status.lag.length === 0
      ? html`<${Empty} title="Not available">The broker or the database is unavailable.<//>`
      : html`<div class="table-scroll" tabindex="0" role="region" aria-label="Lag by partition"><table>
        <thead><tr>
          <th scope="col">Topic</th><th scope="col" class="number">Partition</th><th scope="col" class="number">On the log</th>
          <th scope="col" class="number">Loaded to</th><th scope="col" class="number">Lag</th>
          <th scope="col"><span class="hidden">Share loaded</span></th>
        </tr></thead>
        <tbody>${status.lag.map(({ topic, partition, position, end, lag }) =>
        html`<tr key=${`${topic}-${partition}`}>
          <th scope="row" class="mono">${topic}</th>
          <td class="number">${partition}</td>
          <td class="number">${count(Number(end))}</td>
          <td class="number">${count(Number(position))}</td>
          <td class=${lag > 0 ? "number tone-warn" : "number"}>${count(lag)}</td>
          <td width="110"><${Meter}
            whole=${Number(end)}
            parts=${[{ size: Number(position), tone: "ok" }]}
            label=${`${topic} ${partition}: ${lag} behind`}
          /></td>
        </tr>`
      )}</tbody>
      </table></div>`}
  <//>`;
}

function Activity() {
  const { activity, connection } = useLive();
  // deno-fmt-ignore
  return html`<${Card} title="Activity" aside="of this process, times in UTC" flush>
    ${activity.length === 0
      ? html`<${Empty} title=${connection === "live" ? "No events yet" : "Not connected"}>
        ${connection === "live" ? "Runs, files and problems appear here as they happen." : "The page reconnects automatically."}
      <//>`
      : html`<${EventList} events=${activity} label="Activity, newest first" />`}
  <//>`;
}
