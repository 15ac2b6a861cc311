import { expect, test } from "vitest";
import { decodeTrajectoryIds, encodeTrajectoryIds } from "./trajectory_ids.ts";

const IDS = Array.from(
  { length: 2000 },
  (_, n) =>
    `20240812${String(n * 13 % 240_000).padStart(6, "0")}_${
      (n * 7919).toString(36).padStart(5, "A")
    }`,
);

test("ids come back as they were, in about 8 bytes each", () => {
  const bytes = encodeTrajectoryIds(IDS);
  expect(decodeTrajectoryIds(bytes)).toEqual(IDS);
  expect(bytes.length).toBeLessThan(IDS.length * 10);
  expect(decodeTrajectoryIds(encodeTrajectoryIds([]))).toEqual([]);
});

test("bytes that are not a list are refused with what was found", () => {
  expect(() => decodeTrajectoryIds(new Uint8Array([7, 1, 2]))).toThrow(/the first byte is 7/);
  expect(() => decodeTrajectoryIds(new Uint8Array([]))).toThrow(/the first byte is undefined/);
  expect(() => decodeTrajectoryIds(encodeTrajectoryIds(IDS).subarray(0, 500))).toThrow(
    /not a list/,
  );
  expect(() => encodeTrajectoryIds(["a\nb"])).toThrow(/not a trajectory id: "a\\nb"/);
});

test("a list that would unpack to more than 4 MiB is refused", () => {
  const bomb = encodeTrajectoryIds(Array.from({ length: 190_000 }, () => "20240812000000_AAAAA"));
  expect(decodeTrajectoryIds(bomb).length).toBe(190_000);
  expect(() => encodeTrajectoryIds(Array.from({ length: 400_000 }, () => "20240812000000_AAAAA")))
    .toThrow(/over 4194304/);
});
