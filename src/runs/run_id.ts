/**
 * Run ids: UUIDs of version 7 (RFC 9562, section 5.7), so that ids sort by the time of the request.
 *
 * The 12 bits after the version are a counter (method 1 of section 6.2), so the ids of a process sort even within a millisecond.
 */

let last_ms = 0;
let counter = 0;

/** Returns a new run id, which sorts after every earlier id of this process. `now_ms` is milliseconds since 1970. */
export function newRunId(now_ms: number = Date.now()): string {
  if (now_ms > last_ms) {
    last_ms = now_ms;
    // Start in the lower half, so that there is space to count up.
    counter = crypto.getRandomValues(new Uint16Array(1))[0] & 0x7ff;
  } else if (++counter > 0xfff) {
    // The counter overflowed (over 2048 ids in a millisecond, or a clock set back for long): use the next millisecond, from 0.
    last_ms++;
    counter = 0;
  }
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(last_ms / 0x10000));
  view.setUint16(4, last_ms % 0x10000);
  view.setUint16(6, 0x7000 | counter);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Whether the text has the form of a run id: a UUID, lower case. */
export function isRunId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(text);
}
