// Replays all waiting dead letters that match a filter, after showing how many there are.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { count, plural } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useApiHas } from "../lib/hooks.js";
import { Dialog } from "./dialog.js";
import { tell, tellFailure } from "./toasts.js";
import { WorkButton } from "./work_button.js";

const REPLAY = /^\/dead-letters\/replay$/;

/** @param {{ filter: Record<string, string>, reload: () => void }} props */
export function ReplayAll({ filter, reload }) {
  const canReplay = useApiHas("POST", REPLAY);
  const [matched, setMatched] = useState(/** @type {number | null} */ (null));
  if (!canReplay) return null;
  const attempt = async (/** @type {() => Promise<void>} */ work) => {
    try {
      await work();
    } catch (error) {
      tellFailure("The dead letters could not be replayed.", error);
    }
  };
  const countMatches = () =>
    attempt(async () => {
      const { matched } = /** @type {{ matched: number }} */ (
        await post("/dead-letters/replay?dry_run=true", filter)
      );
      setMatched(matched);
    });
  const replay = () =>
    attempt(async () => {
      const { published, failed, superseded } =
        /** @type {{ published: number, failed: number, superseded: number }} */ (
          await post("/dead-letters/replay", filter)
        );
      setMatched(null);
      tell(
        `${plural(published, "dead letter")} published again, ${count(failed)} failed again, ` +
          `${count(superseded)} superseded by newer records.`,
      );
      reload();
    });
  const close = () => setMatched(null);
  // deno-fmt-ignore
  return html`<div class="actions">
    <${WorkButton} work=${countMatches}>Replay all…<//>
    ${matched === null ? null : html`<${Dialog} title="Replay dead letters" onClose=${close}>
      <div class="dialog-body">
        <p>${plural(matched, "dead letter")} ${matched === 1 ? "matches" : "match"} this filter. Each is tried again; those that fail again stay here.</p>
      </div>
      <div class="dialog-foot">
        <button type="button" class="button" onClick=${close}>Cancel</button>
        <${WorkButton} work=${replay} class="button primary">Replay ${plural(matched, "dead letter")}<//>
      </div>
    <//>`}
  </div>`;
}
