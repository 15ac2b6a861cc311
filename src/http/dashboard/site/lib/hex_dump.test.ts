import { expect, test } from "vitest";
import { dump, DUMP_MAX_BYTES } from "./hex_dump.js";

test("bytes as hexdump -C shows them", () => {
  expect(dump(new Uint8Array([0, 65, 255]))).toMatch(/^000000 {2}00 41 ff +·A·$/);
  const lines = dump(new TextEncoder().encode("20240812_gmn trajectory")).split("\n");
  expect(lines).toEqual([
    "000000  32 30 32 34 30 38 31 32 5f 67 6d 6e 20 74 72 61  20240812_gmn tra",
    `000010  6a 65 63 74 6f 72 79${" ".repeat(29)}jectory`,
  ]);
  expect(dump(new Uint8Array(0))).toBe("");
});

test("at most 4096 bytes are shown", () => {
  expect(dump(new Uint8Array(DUMP_MAX_BYTES + 100)).split("\n")).toHaveLength(256);
});
