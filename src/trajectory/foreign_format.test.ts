/** Files that are not plain text, made by the real programs and cut into chunks of every size. */
import { Buffer } from "node:buffer";
import { deflateRawSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { PermanentError } from "@gmn/failures";
import { fileText, rows } from "../../tests/support/summary_file.ts";
import { SummaryReader } from "./summary_reader.ts";

const TEXT = fileText(rows(3));

/** A zip file's first member, as in PKWARE's APPNOTE 4.3.7. The directory at its end does not matter here. */
function zip(text: string): Buffer {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  return Buffer.concat([header, deflateRawSync(text)]);
}

const utf16be = (text: string) => Buffer.from(text, "utf16le").swap16();
const utf32 = (text: string) =>
  Buffer.from(Uint32Array.from(text, (character) => character.codePointAt(0)!).buffer);

function refusal(bytes: Uint8Array, chunkBytes: number): unknown {
  const reader = new SummaryReader();
  try {
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      for (const _batch of reader.read(bytes.subarray(at, at + chunkBytes)));
    }
    for (const _batch of reader.finish());
  } catch (error) {
    return error;
  }
  return null;
}

const FILES: [string, Uint8Array, RegExp, RegExp][] = [
  ["PowerShell's >", Buffer.from(`\ufeff${TEXT}`, "utf16le"), /UTF-16 text/, /iconv -f UTF-16/],
  ["UTF-16, big end first", utf16be(`\ufeff${TEXT}`), /UTF-16 text/, /iconv/],
  ["UTF-16 without a mark", Buffer.from(TEXT, "utf16le"), /UTF-16 text/, /iconv/],
  ["UTF-16, big end first, without a mark", utf16be(TEXT), /UTF-16 text/, /iconv/],
  ["UTF-32", utf32(`\ufeff${TEXT}`), /UTF-32 text/, /iconv -f UTF-32/],
  ["gzip", gzipSync(TEXT), /a gzip file/, /gunzip -c/],
  ["zip", zip(TEXT), /a zip file/, /unzip/],
  ["bzip2", Buffer.from("BZh91AY&SY\0\0\0\0", "latin1"), /a bzip2 file/, /bunzip2/],
  ["xz", Buffer.from("\xfd7zXZ\0\0\0", "latin1"), /an xz file/, /xz -dc/],
  ["Zstandard", zstdCompressSync(TEXT), /a Zstandard file/, /zstd -dc/],
  ["PDF", Buffer.from("%PDF-1.7\n"), /a PDF/, /text file/],
  ["a program", Buffer.from("\x7fELF\x02\x01\x01\0\0\0"), /binary data.*7f 45 4c 46/, /right file/],
];

describe.each(FILES)("%s", (_name, bytes, message, hint) => {
  test.each([1, 2, 3, 5, 7, 8, 9, 1 << 16])("is recognised in chunks of %d bytes", (chunkBytes) => {
    const error = refusal(bytes, chunkBytes);
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({
      problem: "foreign",
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });
});

test.each(["", "\ufeff", "\ufeff\r\n", "\n\r\n"])("text that begins with %j is read", (start) => {
  for (const chunkBytes of [1, 4, 1 << 16]) {
    expect(refusal(Buffer.from(start + TEXT), chunkBytes)).toBeNull();
  }
});
