// Bytes in readable form.

/** Bytes shown: a record has under a thousand; anything longer is not one of our records. */
export const DUMP_MAX_BYTES = 4096;
const DUMP_LINE_BYTES = 16;

/** As hexdump -C shows them. @param {Uint8Array} all */
export function dump(all) {
  const lines = [];
  for (let at = 0; at < Math.min(all.length, DUMP_MAX_BYTES); at += DUMP_LINE_BYTES) {
    const part = all.subarray(at, at + DUMP_LINE_BYTES);
    const hex = [...part].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = [...part].map((byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·"
    ).join("");
    lines.push(
      `${at.toString(16).padStart(6, "0")}  ${hex.padEnd(DUMP_LINE_BYTES * 3 - 1)}  ${text}`,
    );
  }
  return lines.join("\n");
}
