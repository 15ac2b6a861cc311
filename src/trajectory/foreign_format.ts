/**
 * Recognises files that are not plain text by their first bytes, and says how to make a summary file of them.
 *
 * People send what they have: a file that their browser left compressed, or that PowerShell wrote (its `>` writes UTF-16). Read as
 * text, such a file fails with a line of garbage, which does not say what to do.
 */
import { SummaryFormatError } from "./format_error.ts";

/** Bytes that are enough to recognise every format below. */
export const SIGNATURE_BYTES = 8;

const UTF16_HINT =
  "PowerShell's > writes such files. Convert it: iconv -f UTF-16 -t UTF-8 FILE > summary.txt, " +
  "or in PowerShell: Get-Content FILE | Set-Content -Encoding utf8 summary.txt";

const unpack = (command: string) => `Unpack it first: ${command}`;

/** Magic numbers: RFC 1952 (gzip), PKWARE's APPNOTE (zip), the xz, bzip2, RFC 8878 (zstd) and Unicode BOM definitions. */
const SIGNATURES: readonly (readonly [hex: string, is: string, hint: string])[] = [
  // Before UTF-16: it begins with the mark of UTF-16.
  ["fffe0000", "UTF-32 text", "Convert it: iconv -f UTF-32 -t UTF-8 FILE > summary.txt"],
  ["fffe", "UTF-16 text", UTF16_HINT],
  ["feff", "UTF-16 text", UTF16_HINT],
  ["1f8b", "a gzip file", unpack("gunzip -c FILE > summary.txt")],
  ["504b0304", "a zip file (Excel workbooks are zip files, too)", unpack("unzip FILE")],
  ["425a68", "a bzip2 file", unpack("bunzip2 -c FILE > summary.txt")],
  ["fd377a585a", "an xz file", unpack("xz -dc FILE > summary.txt")],
  ["28b52ffd", "a Zstandard file", unpack("zstd -dc FILE > summary.txt")],
  ["25504446", "a PDF", "Get the text file it was made from."],
];

/** Only text of two or four bytes a character has NUL bytes. */
const NUL = 0x00;

/**
 * Checks the beginning of a file: `start` is what has been read of its first `SIGNATURE_BYTES` bytes. Call it again when there is
 * more.
 * @throws SummaryFormatError when the file is not plain text; says what it is and what to do
 */
export function refuseForeignFormat(start: Uint8Array): void {
  const hex = bytesInHex(start).join("");
  const known = SIGNATURES.find(([signature]) => hex.startsWith(signature));
  // The two bytes of a UTF-16 mark may still become one of UTF-32.
  if (hex.startsWith("fffe") && start.length < 4) return;
  if (known !== undefined) {
    const [, is, hint] = known;
    throw new SummaryFormatError("foreign", `this is ${is}, not plain text`, hint);
  }
  const nul = start.indexOf(NUL);
  if (nul === -1) return;
  // Every other byte of ASCII text in UTF-16 is NUL; a file cut behind its byte order mark has none.
  if (start.length >= 4 && start[nul + 2] === NUL && start[nul + 1] !== NUL && nul <= 1) {
    throw new SummaryFormatError("foreign", "this is UTF-16 text, not plain text", UTF16_HINT);
  }
  if (start.length < SIGNATURE_BYTES) return;
  throw new SummaryFormatError(
    "foreign",
    `this is binary data, not plain text: its first bytes are ${bytesInHex(start).join(" ")}`,
    "A trajectory summary file is text that begins with comment lines; is this the right file?",
  );
}

const bytesInHex = (start: Uint8Array): string[] =>
  [...start].map((byte) => byte.toString(16).padStart(2, "0"));
