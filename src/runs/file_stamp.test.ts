import { describe, expect, test } from "vitest";
import { FileStamps, STAMP_AHEAD_MS_MAX } from "./file_stamp.ts";

const NOW = new Date("2026-11-30T12:00:00Z");
const later = (ms: number) => new Date(NOW.getTime() + ms);

describe("the stamps of one reading", () => {
  test("a stamp is believed up to the tolerance, so files of a skewed clock keep their order", () => {
    const stamps = new FileStamps(NOW);
    for (const ahead_ms of [-1e12, 0, STAMP_AHEAD_MS_MAX]) {
      expect(stamps.generationOf(later(ahead_ms))).toEqual(later(ahead_ms));
    }
    expect(stamps.ahead).toBeNull();
    expect(stamps.generationOf(null)).toBeNull();
    expect(stamps.generationOf(later(STAMP_AHEAD_MS_MAX + 1))).toBeNull();
    expect(stamps.ahead).toEqual(later(STAMP_AHEAD_MS_MAX + 1));
    expect(stamps.ahead_ms).toBe(STAMP_AHEAD_MS_MAX + 1);
    // A file with several stamps.
    expect(stamps.generationOf(NOW)).toEqual(NOW);
  });

  test("the reading that goes on does not believe what its beginning did not", () => {
    const stamp = later(20 * 60_000);
    const resumed = new FileStamps(later(60 * 60_000), stamp);
    expect(resumed.generationOf(new Date(stamp))).toBeNull();
    expect(resumed.ahead).toEqual(stamp);
    expect(resumed.ahead_ms).toBe(0);
  });

  test("the reading that goes on believes what its beginning did, although its own clock is behind", () => {
    const stamp = later(60 * 60_000);
    const resumed = new FileStamps(NOW, null, stamp);
    expect(resumed.generationOf(new Date(stamp))).toEqual(stamp);
    expect(resumed.ahead).toBeNull();
    expect(resumed.generationOf(later(60 * 60_000 + 1))).toBeNull();
  });
});
