// What a run or a file waits for, in words, with a countdown to its next attempt.
import { countdown, shortId, utc } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useNow } from "../lib/hooks.js";
import { href } from "../lib/router.js";
import { fileLabel } from "../lib/summary_files.js";

/** @typedef {NonNullable<import("../types.ts").RunView["waiting"]>} What */
/** @typedef {NonNullable<import("../types.ts").RunFileView["waiting"]>} Deferral */

/** @param {{ of: What }} props */
export function Waiting({ of }) {
  switch (of.for) {
    case "file":
      // deno-fmt-ignore
      return html`<span class="waiting" title=${of.file}>
        Waiting for ${fileLabel(of.file).main}: <${Attempt} of=${of} />
      </span>`;
    case "run":
      // deno-fmt-ignore
      return html`<span>Queued behind <a href=${href(["runs", of.run_id])} title=${of.run_id}>run …${shortId(of.run_id)}</a></span>`;
    case "owner":
      return html`<span>Waiting: no process works on the runs.</span>`;
  }
}

/** Which attempt failed, why, and when the next one is. @param {{ of: Deferral }} props */
export function Attempt({ of: { attempt, attempts, reason, retry_at } }) {
  const now = useNow(1_000);
  // deno-fmt-ignore
  return html`<span>
    attempt ${attempt} of ${attempts} failed (${reason}); next
    ${" "}<time class="nowrap" datetime=${retry_at} title=${utc(retry_at)}>${countdown(retry_at, now)}, ${utc(retry_at).slice(11)}</time>
  </span>`;
}
