// The notice on every page while a disk is too full for runs: which one, and what happens.
import { bytes } from "../lib/format.js";
import { html } from "../lib/html.js";

/** @param {{ disks: import("../types.ts").ServiceStatus["disks"] | null }} props */
export function DiskNotice({ disks }) {
  const full = [disks?.log, disks?.database].find((disk) => disk?.state === "full");
  if (full === undefined || full === null) return null;
  const { path, free_bytes, limit_bytes } = full;
  // deno-fmt-ignore
  return html`<div class="log-notice" role="alert">
    <p><strong>Runs wait for space on the disk:</strong> ${path} has ${bytes(free_bytes)} free, and ${bytes(limit_bytes)} are needed.
      They go on by themselves once there is space.</p>
  </div>`;
}
