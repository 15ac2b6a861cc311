// All letters of a filter that wait, tried again, after a look how many they are.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { count, plural } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useApiHas } from "../lib/hooks.js";
import { Dialog } from "./dialog.js";
import { WorkButton } from "./run_actions.js";
import { tell, tellFailure } from "./toasts.js";

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
      tellFailure("The letters could not be replayed.", error);
    }
  };
  const look = () =>
    attempt(async () =>
      setMatched((await post("/dead-letters/replay?dry_run=true", filter)).matched)
    );
  const replay = () =>
    attempt(async () => {
      const { published, failed, superseded } = await post("/dead-letters/replay", filter);
      setMatched(null);
      tell(
        `${plural(published, "letter")} back on the log; ${count(failed)} can't go on now either, ${
          count(superseded)
        } superseded.`,
      );
      reload();
    });
  const close = () => setMatched(null);
  // deno-fmt-ignore
  return html`<div class="actions">
    <${WorkButton} work=${look}>Replay all…<//>
    ${matched === null ? null : html`<${Dialog} title="Replay dead letters" onClose=${close}>
      <div class="dialog-body">
        <p>${plural(matched, "letter")} of this filter wait. Each is tried again; those that still can't go on stay.</p>
      </div>
      <div class="dialog-foot">
        <button type="button" class="button" onClick=${close}>Leave them</button>
        <${WorkButton} work=${replay} class="button primary">Replay ${plural(matched, "letter")}<//>
      </div>
    <//>`}
  </div>`;
}
