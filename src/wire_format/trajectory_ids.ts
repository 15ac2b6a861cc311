/**
 * A list of trajectory ids as the bytes of a record header: one byte for the format (1), then the ids, each followed by a line feed, as
 * a raw deflate stream. Ids begin with their time, so neighbours share most of it: an id takes about 8 bytes.
 */
import { Buffer } from "node:buffer";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { explain, PermanentError } from "@gmn/failures";

const FORMAT = 1;
/** A portion of a file has 2,000 ids of 21 characters. More than this many bytes of ids is no list of ours. */
const LIST_MAX_BYTES = 4 * 1024 * 1024;

/** Encodes ids. @throws PermanentError when an id has a line feed, or the list is too long */
export function encodeTrajectoryIds(ids: readonly string[]): Buffer {
  const broken = ids.find((id) => id === "" || id.includes("\n"));
  if (broken !== undefined) {
    throw new PermanentError(`not a trajectory id: ${JSON.stringify(broken)}`);
  }
  const list = Buffer.from(ids.map((id) => `${id}\n`).join(""));
  if (list.length > LIST_MAX_BYTES) {
    throw new PermanentError(`${ids.length} ids are ${list.length} bytes, over ${LIST_MAX_BYTES}`);
  }
  return Buffer.concat([Buffer.of(FORMAT), deflateRawSync(list)]);
}

/** Decodes ids. @throws PermanentError when the bytes are not such a list */
export function decodeTrajectoryIds(bytes: Uint8Array): string[] {
  if (bytes[0] !== FORMAT) {
    throw new PermanentError(`not a list of trajectory ids: the first byte is ${bytes[0]}`);
  }
  let list: string;
  try {
    list = inflateRawSync(bytes.subarray(1), { maxOutputLength: LIST_MAX_BYTES }).toString("utf8");
  } catch (error) {
    throw new PermanentError(`not a list of trajectory ids: ${explain(error)}`, { cause: error });
  }
  if (!list.endsWith("\n") && list !== "") {
    throw new PermanentError("a list of trajectory ids ends in the middle of one");
  }
  return list.split("\n").slice(0, -1);
}
