// The content of a dead letter: the line with the wrong value marked, or the bytes of a record.
import { useEffect, useRef } from "preact/hooks";
import { bytes } from "../lib/format.js";
import { dump, DUMP_MAX_BYTES } from "../lib/hex_dump.js";
import { html } from "../lib/html.js";
import { Card } from "./basics.js";

/** @typedef {import("../types.ts").DeadLetter} DeadLetter */

/** The original line, scrolled to the wrong value. @param {{ deadLetter: DeadLetter }} props */
export function SourceLine({ deadLetter }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const text = deadLetter.text ?? "";
  const marked = deadLetter.marked ?? null;
  useEffect(() => {
    const mark = box.current?.querySelector("mark");
    if (mark instanceof HTMLElement && box.current !== null) {
      box.current.scrollLeft = mark.offsetLeft - box.current.offsetLeft -
        box.current.clientWidth / 2 + mark.offsetWidth / 2;
    }
  }, [marked?.start, text]);
  // deno-fmt-ignore
  return html`<div class="source-line" ref=${box} tabindex="0" role="region" aria-label="The line as it was">${
    marked === null ? text : html`<${Marked} text=${text} field=${deadLetter.field} ...${marked} />`
  }</div>`;
}

/** @param {{ text: string, field: string | null, start: number, end: number }} props */
function Marked({ text, field, start, end }) {
  const cell = start < end ? text.slice(start, end) : "␣";
  // deno-fmt-ignore
  return html`<span>${text.slice(0, start)}<mark title=${field ?? ""}>${cell}</mark>${text.slice(end)}</span>`;
}

/** Key and value of the record, as hexadecimal and text. @param {{ deadLetter: DeadLetter }} props */
export function RecordBytes({ deadLetter }) {
  // deno-fmt-ignore
  return html`<div class="stack">
    ${[["key", deadLetter.key_base64], ["value", deadLetter.value_base64]].map(([name, base64]) => {
      if (base64 === null || base64 === undefined) return html`<p key=${name} class="small muted">no ${name}</p>`;
      const all = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const cut = all.length > DUMP_MAX_BYTES ? `, the first ${bytes(DUMP_MAX_BYTES)} shown` : "";
      return html`<div key=${name}>
        <h3>${name} <span class="muted small">${bytes(all.length)}${cut}</span></h3>
        <div class="source-line dump" tabindex="0" role="region" aria-label=${`Bytes of the ${name}`}>${dump(all)}</div>
      </div>`;
    })}
  </div>`;
}

/** The line's cells with the names of their fields. @param {{ deadLetter: DeadLetter }} props */
export function Columns({ deadLetter }) {
  const cells = (deadLetter.text ?? "").split(";").map((cell) => cell.trim());
  // deno-fmt-ignore
  return html`<${Card} title="Columns of the line" id=${`columns-${deadLetter.id}`} aside=${`${cells.length} cells`} flush>
    <div class="table-scroll" tabindex="0" role="region" aria-label="Cells by column"><table>
      <thead><tr><th scope="col" class="number">#</th><th scope="col">Field</th><th scope="col">Cell</th></tr></thead>
      <tbody>${cells.map((cell, at) => {
        const name = deadLetter.columns?.[at] ?? null;
        const isWrong = name !== null && name === deadLetter.field;
        return html`<tr key=${at}>
          <td class="number">${at + 1}</td>
          <th scope="row" class="mono">${name ?? html`<span class="muted">no such column</span>`}</th>
          <td class="mono">${isWrong ? html`<mark>${cell === "" ? "(empty)" : cell}</mark>` : cell}</td>
        </tr>`;
      })}</tbody>
    </table></div>
  <//>`;
}
