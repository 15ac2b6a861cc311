/**
 * The browser's modules that only compute: scales, projections, the orbit, words. What they draw is looked at in `tests/browser/`.
 */
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { placeOnOrbit } from "./site/charts/orbit.js";
import { hammer, latitudeOf, mercatorY, wrap180 } from "./site/charts/projections.js";
import { linear, niceTop, powersOfTen, ticks } from "./site/charts/scale.js";
import { seriesOf, shapeOf } from "./site/charts/series.js";
import {
  bytes,
  fileLabel,
  fixed,
  relative,
  selectionText,
  showerListText,
  span,
  utc,
} from "./site/lib/format.js";
import { FIELD_GROUPS } from "./site/lib/field_names.js";
import { dump } from "./site/parts/letter_content.js";
import { TRAJECTORY_FIELDS } from "../../trajectory/schema.ts";

describe("the sky", () => {
  test("the centre is in the middle, and longitude increases to the left", () => {
    expect(hammer(270, 0, 270)).toEqual([-0, 0].map((zero) => expect.closeTo(zero)));
    // The Sun (0) is 90 degrees beyond the apex (270): to the left. The anti-Sun is to the right.
    expect(hammer(0, 0, 270)[0]).toBeLessThan(0);
    expect(hammer(180, 0, 270)[0]).toBeGreaterThan(0);
    expect(hammer(10, 60, 270)[1]).toBeGreaterThan(0);
  });

  test("everything lies in an ellipse twice as wide as high, poles at its ends", () => {
    expect(hammer(123, 90, 270)).toEqual([expect.closeTo(0), expect.closeTo(1)]);
    fc.assert(fc.property(
      fc.double({ min: -720, max: 720, noNaN: true }),
      fc.double({ min: -90, max: 90, noNaN: true }),
      (lon, lat) => {
        const [x, y] = hammer(lon, lat, 270);
        expect((x / 2) ** 2 + y ** 2).toBeLessThanOrEqual(1 + 1e-9);
      },
    ));
  });

  test("equal areas stay equal: a cap's share of the ellipse is its share of the sky", () => {
    let inside = 0;
    let all = 0;
    for (let lat = -89.5; lat < 90; lat++) {
      // The height of a narrow band at the central meridian, times its width.
      const [, y0] = hammer(0, lat - 0.5, 0);
      const [, y1] = hammer(0, lat + 0.5, 0);
      const width = 4 * Math.sqrt(Math.max(0, 1 - ((y0 + y1) / 2) ** 2));
      all += (y1 - y0) * width;
      if (lat > 30) inside += (y1 - y0) * width;
    }
    // Parallels are curved, so the straight cut at 30 degrees is a little off.
    expect(all).toBeCloseTo(2 * Math.PI, 2);
    expect(inside / all).toBeGreaterThan(0.2);
    expect(inside / all).toBeLessThan(0.32);
  });

  test.each([[0, 0], [180, -180], [190, -170], [-190, 170], [360, 0], [-540, -180]])(
    "wrap180(%d) is %d",
    (angle, wrapped) => expect(wrap180(angle)).toBeCloseTo(wrapped),
  );

  test("Mercator and back", () => {
    for (const lat of [-60, 0, 45, 80]) expect(latitudeOf(mercatorY(lat))).toBeCloseTo(lat);
  });
});

test("a meteoroid is where the Earth is when it becomes a meteor", () => {
  // A Leonid: at its true anomaly it stands opposite to the Sun's longitude, at the Earth's distance and on the ecliptic.
  const orbit = {
    a: 5.271479,
    e: 0.813139,
    i: 160.104072,
    peri: 174.215242,
    node: 241.906028,
    q: 0.985035,
    f: 5.781801,
    sol: 241.906579,
  };
  const { x, y, z, r } = placeOnOrbit(orbit, orbit.f);
  expect(r).toBeCloseTo(0.987, 2);
  expect(z).toBeCloseTo(0, 4);
  expect((Math.atan2(y, x) * 180 / Math.PI + 360) % 360).toBeCloseTo(orbit.sol - 180, 1);
});

describe("axes", () => {
  test("ticks are round, inside, and about as many as wanted", () => {
    expect(ticks(0, 100, 5)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(ticks(-8.5, 4, 8)).toEqual([-8, -6, -4, -2, 0, 2, 4]);
    expect(ticks(0, 0.3, 3)).toEqual([0, 0.1, 0.2, 0.3]);
    fc.assert(fc.property(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
      fc.integer({ min: 2, max: 12 }),
      (low, size, wanted) => {
        const values = ticks(low, low + size, wanted);
        expect(values.length).toBeLessThanOrEqual(wanted + 1);
        const slack = size * 1e-6 + 1e-6;
        for (const value of values) {
          expect(value).toBeGreaterThanOrEqual(low - slack);
          expect(value).toBeLessThanOrEqual(low + size + slack);
        }
      },
    ));
  });

  test("ends and logarithms", () => {
    expect(niceTop(0, 4)).toBe(1);
    expect(niceTop(437, 4)).toBe(600);
    expect(powersOfTen(150)).toEqual([1, 10, 100, 1000]);
    const scale = linear([0, 10], [100, 0]);
    expect(scale(2.5)).toBe(75);
    expect(scale.domain).toEqual([0, 10]);
  });
});

test("showers have colours by their number of meteors, and shapes of their own", () => {
  const indexOf = seriesOf(["LEO", "NTA", "A", "B", "C", "D", "E", "F"]);
  expect([indexOf("LEO"), indexOf("E"), indexOf("F"), indexOf(null)]).toEqual([
    0,
    6,
    "other",
    "sporadic",
  ]);
  expect(
    new Set([0, 1, 2, 3, 4, 5, 6, "other", "sporadic"].map((index) => shapeOf(index as number)))
      .size,
  )
    .toBe(9);
});

describe("words", () => {
  test("times, spans, numbers", () => {
    expect(utc("2026-11-20T12:34:56.789Z")).toBe("2026-11-20 12:34:56 UTC");
    expect(fixed(-1.25, 1)).toBe("−1.3");
    expect(fixed(null)).toBe("–");
    expect([0.5, 3.25, 59.6, 61, 3_660, 90_000].map(span)).toEqual([
      "500 ms",
      "3.3 s",
      "60 s",
      "1 min 1 s",
      "1 h 1 min",
      "1 d 1 h",
    ]);
    const now = Date.parse("2026-11-20T12:00:00Z");
    expect(relative(now - 180_000, now)).toBe("3 min ago");
    expect(relative(now + 7_200_000, now)).toBe("in 2 h");
    expect([950, 1_500, 2_500_000].map(bytes)).toEqual(["950 B", "1.5 kB", "2.5 MB"]);
  });

  test("files and selections", () => {
    expect(fileLabel("daily/traj_summary_20261120_solrange_238.0-239.0.txt")).toEqual({
      main: "2026-11-20",
      more: "λ☉ 238.0–239.0°",
    });
    expect(fileLabel("upload/x.txt").main).toBe("x.txt");
    expect(selectionText({ days: 1 })).toBe("last 1 day");
    expect(selectionText({ from: "2026-01-01", to: "2026-01-02" })).toBe(
      "2026-01-01 to 2026-01-02",
    );
    expect(selectionText({ retry: "019ab0d3-0000-7000-8000-000000000001", files: ["a"] })).toBe(
      "retry of 000001: 1 file",
    );
  });

  test("bytes as hexdump -C shows them", () => {
    expect(dump(new Uint8Array([0, 65, 255]))).toMatch(/^000000 {2}00 41 ff +·A·$/);
  });

  test("every field of the schema but the uncertainties has a name and a group, once", () => {
    const named = FIELD_GROUPS.flatMap(({ fields }) => fields.map(([field]) => field));
    expect(named.toSorted()).toEqual(
      TRAJECTORY_FIELDS.filter(({ sigmaOf }) => sigmaOf === null).map(({ name }) => name)
        .toSorted(),
    );
  });
});

test("which list the showers' names are of is said in words", () => {
  const shipped = {
    in_use: "shipped",
    source: "shipped list of 2021-11",
    state_of: "2021-11",
    fetched_at: null,
    showers: 973,
    address: null,
    note: null,
  } as const;
  const fetched = {
    ...shipped,
    in_use: "fetched",
    state_of: null,
    fetched_at: "2026-11-20T10:00:00.000Z",
  } as const;
  expect(showerListText(null)).toBe("");
  expect(showerListText(shipped))
    .toBe("Names are of the IAU list of November 2021 that ships with the service.");
  expect(showerListText({ ...shipped, note: "could not be fetched: offline" })).toMatch(
    / A newer list: could not be fetched: offline\.$/,
  );
  expect(showerListText(fetched)).toBe("Names are of the IAU list fetched on 2026-11-20.");
  expect(showerListText({ ...fetched, fetched_at: null })).toBe("Names are of the IAU list.");
});
