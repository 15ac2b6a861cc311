/**
 * Recognises files that are not plain text by their first bytes, and says how to convert them to a summary file.
 *
 * Users upload files that their browser left compressed, or that PowerShell wrote (its `>` writes UTF-16). Read as text, such a
 * file fails with a line of garbage, which does not tell the user what to do.
 */
import { SummaryFormatError } from "./format_error.ts";

/** Enough bytes to recognise every format below. */
export const SIGNATURE_BYTES = 8;

const UTF16_HINT =
  "PowerShell's > writes such files. Convert it: iconv -f UTF-16 -t UTF-8 FILE > summary.txt, " +
  "or in PowerShell: Get-Content FILE | Set-Content -Encoding utf8 summary.txt";

const unpack = (command: string) => `Unpack it first: ${command}`;

/** Magic numbers: RFC 1952 (gzip), PKWARE's APPNOTE (zip), the xz, bzip2, RFC 8878 (zstd) and Unicode BOM definitions. */
const SIGNATURES: readonly (readonly [hex: string, is: string, hint: string])[] = [
  // Before UTF-16, because the mark of UTF-32 begins with the mark of UTF-16.
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

/** Only text with two or four bytes per character has NUL bytes. */
const NUL = 0x00;

/**
 * Checks the beginning of a file: `start` is the part of its first `SIGNATURE_BYTES` bytes that has been read. Call it again when
 * there is more.
 * @throws SummaryFormatError when the file is not plain text; the message says what it is and what to do
 */
export function refuseForeignFormat(start: Uint8Array): void {
  const hex = bytesInHex(start).join("");
  const known = SIGNATURES.find(([signature]) => hex.startsWith(signature));
  // The two bytes of a UTF-16 mark may still turn out to be a mark of UTF-32.
  if (hex.startsWith("fffe") && start.length < 4) return;
  if (known !== undefined) {
    const [, is, hint] = known;
    throw new SummaryFormatError("foreign", `this is ${is}, not plain text`, hint);
  }
  const nul = start.indexOf(NUL);
  if (nul === -1) return;
  // Every other byte of ASCII text in UTF-16 is NUL. This also finds a file whose byte order mark was cut off.
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
