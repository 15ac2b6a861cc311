/**
 * What a file is that is no plain text, by its first bytes, and how to make a summary file of it.
 *
 * People send what they have: a file that their browser kept packed, or that PowerShell wrote (its `>` writes UTF-16). Read as
 * text, such a file fails with a line of garbage, which tells nobody what to do.
 */
import { SummaryFormatError } from "./format_error.ts";

/** Bytes that tell every format below from text. */
export const SIGNATURE_BYTES = 8;

interface Signature {
  readonly bytes: readonly number[];
  readonly is: string;
  readonly hint: string;
}

const UTF16_HINT =
  "PowerShell's > writes such files. Convert it: iconv -f UTF-16 -t UTF-8 FILE > summary.txt, " +
  "or in PowerShell: Get-Content FILE | Set-Content -Encoding utf8 summary.txt";

const unpack = (command: string) => `Unpack it first: ${command}`;

/** Magic numbers: RFC 1952 (gzip), PKWARE's APPNOTE (zip), the xz, bzip2, RFC 8878 (zstd) and Unicode BOM definitions. */
const SIGNATURES: readonly Signature[] = [
  // Before UTF-16, whose mark it begins with.
  {
    bytes: [0xff, 0xfe, 0x00, 0x00],
    is: "UTF-32 text",
    hint: "Convert it: iconv -f UTF-32 -t UTF-8 FILE > summary.txt",
  },
  { bytes: [0xff, 0xfe], is: "UTF-16 text", hint: UTF16_HINT },
  { bytes: [0xfe, 0xff], is: "UTF-16 text", hint: UTF16_HINT },
  { bytes: [0x1f, 0x8b], is: "a gzip file", hint: unpack("gunzip -c FILE > summary.txt") },
  {
    bytes: [0x50, 0x4b, 0x03, 0x04],
    is: "a zip file (Excel workbooks are zip files, too)",
    hint: unpack("unzip FILE"),
  },
  { bytes: [0x42, 0x5a, 0x68], is: "a bzip2 file", hint: unpack("bunzip2 -c FILE > summary.txt") },
  {
    bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a],
    is: "an xz file",
    hint: unpack("xz -dc FILE > summary.txt"),
  },
  {
    bytes: [0x28, 0xb5, 0x2f, 0xfd],
    is: "a Zstandard file",
    hint: unpack("zstd -dc FILE > summary.txt"),
  },
  { bytes: [0x25, 0x50, 0x44, 0x46], is: "a PDF", hint: "Get the text file it was made from." },
];

/** A NUL byte is in no text but one of two or four bytes a character. */
const NUL = 0x00;

/**
 * Looks at the beginning of a file: `start` is what is there of its first `SIGNATURE_BYTES` bytes. May be asked again when more
 * is there.
 * @throws SummaryFormatError when the file is something else than plain text, with what it is and what to do
 */
export function refuseForeignFormat(start: Uint8Array): void {
  const known = SIGNATURES.find(({ bytes }) => bytes.every((byte, at) => start[at] === byte));
  // The two bytes of a UTF-16 mark may still become one of UTF-32.
  if (known?.is === "UTF-16 text" && start.length < 4 && start[0] === 0xff) return;
  if (known !== undefined) {
    throw new SummaryFormatError("foreign", `this is ${known.is}, not plain text`, known.hint);
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
    "this is binary data, not plain text: its first bytes are " + hexadecimal(start),
    "A trajectory summary file is text that begins with comment lines; is this the right file?",
  );
}

const hexadecimal = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
