// @ts-check
// What happened to a run, as far as this process remembers.
import { html } from "../lib/html.js";
import { useLive } from "../lib/hooks.js";
import { Card, Empty } from "./basics.js";
import { HappeningList } from "./happening_list.js";

/** @param {{ runId: string }} props */
export function RunEvents({ runId }) {
  const { all } = useLive();
  const mine = all.filter(({ detail, name }) => detail.runId === runId && name !== "sink.loaded");
  return html`<${Card} title="Events" aside="newest first, times in UTC" flush>
    ${mine.length === 0
      ? html`<${Empty} title="None remembered">
        This process has only seen what happened since its start; the files and counts are kept for ever.
      <//>`
      : html`<${HappeningList} happenings=${mine} label="Events of the run, newest first" />`}
  <//>`;
}
