// Colours and shapes of showers: the showers with the most meteors have their own, the others share one. No meaning depends on
// colour only, so every series has its own shape too.

/** @typedef {{ key: string, name: string, index: number | "other" | "sporadic" }} Series */

/** Showers with their own colour. People can't distinguish more than seven. */
export const SERIES_MAX = 7;

/** @typedef {"circle" | "square" | "triangle" | "diamond" | "down" | "cross" | "star" | "ring" | "dot"} MarkShape */

/** @type {readonly MarkShape[]} */
const SHAPES = ["circle", "square", "triangle", "diamond", "down", "star", "cross"];

/**
 * Assigns a series to each shower.
 * @param {readonly string[]} codes most meteors first
 * @returns {(code: string | null) => Series["index"]}
 */
export function seriesOf(codes) {
  const byCode = new Map(codes.slice(0, SERIES_MAX).map((code, at) => [code, at]));
  return (code) => code === null ? "sporadic" : byCode.get(code) ?? "other";
}

/** @param {Series["index"]} index @returns {MarkShape} */
export function shapeOf(index) {
  return index === "sporadic" ? "dot" : index === "other" ? "ring" : SHAPES[index];
}

/** Path of a shape around 0, 0, of about the same area as a circle of radius `r`. @param {MarkShape} shape @param {number} r */
export function shapePath(shape, r) {
  const polygon = (/** @type {readonly (readonly [number, number])[]} */ points) =>
    `M${points.map(([x, y]) => `${round(x * r)} ${round(y * r)}`).join("L")}Z`;
  switch (shape) {
    case "square":
      return polygon([[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]]);
    case "triangle":
      return polygon([[0, -1.3], [1.2, 0.85], [-1.2, 0.85]]);
    case "down":
      return polygon([[0, 1.3], [1.2, -0.85], [-1.2, -0.85]]);
    case "diamond":
      return polygon([[0, -1.35], [1.1, 0], [0, 1.35], [-1.1, 0]]);
    case "cross":
      return polygon([
        [-0.4, -1.2],
        [0.4, -1.2],
        [0.4, -0.4],
        [1.2, -0.4],
        [1.2, 0.4],
        [0.4, 0.4],
        [0.4, 1.2],
        [-0.4, 1.2],
        [-0.4, 0.4],
        [-1.2, 0.4],
        [-1.2, -0.4],
        [-0.4, -0.4],
      ]);
    case "star":
      return polygon(Array.from({ length: 10 }, (_, at) => {
        const size = at % 2 === 0 ? 1.4 : 0.6;
        return /** @type {const} */ ([
          size * Math.sin(at * Math.PI / 5),
          -size * Math.cos(at * Math.PI / 5),
        ]);
      }));
    default:
      return `M${round(r)} 0A${round(r)} ${round(r)} 0 1 1 ${round(-r)} 0A${round(r)} ${
        round(r)
      } 0 1 1 ${round(r)} 0Z`;
  }
}

/** @param {number} value */
function round(value) {
  return Number(value.toFixed(2));
}

/** Geocentric speeds of meteors bound to the Sun: from the Earth's pull only to a head-on retrograde orbit, km/s. */
export const SPEED_RANGE = /** @type {const} */ ([11, 72]);

/** Based on cividis, which looks the same with any colour vision (Nuñez et al. 2018); each theme uses the end that it can show. */
const SLOW_TO_FAST = {
  light: [
    "#c9a800",
    "#b59a38",
    "#a09158",
    "#8a8678",
    "#707173",
    "#575d6d",
    "#3b496c",
    "#1c3b70",
    "#00224e",
  ],
  dark: [
    "#3d6fc0",
    "#4f7fb4",
    "#6b8ca8",
    "#8a999c",
    "#a5a68e",
    "#bfb57b",
    "#d8c567",
    "#eed755",
    "#ffea46",
  ],
};

/** Colours of slow to fast. @param {boolean} isDark @returns {readonly string[]} */
export function speedColours(isDark) {
  return isDark ? SLOW_TO_FAST.dark : SLOW_TO_FAST.light;
}

/** The colour of a speed. @param {number} speed km/s @param {readonly string[]} colours */
export function speedColour(speed, colours) {
  const [slow, fast] = SPEED_RANGE;
  const at = Math.round((speed - slow) / (fast - slow) * (colours.length - 1));
  return colours[Math.max(0, Math.min(colours.length - 1, at))];
}

/** The drawing order: showers over the others, and those over the sporadic background. @param {Series["index"]} index */
export function rank(index) {
  return index === "sporadic" ? 0 : index === "other" ? 1 : 2;
}

/**
 * In drawing order: showers over the sporadic background; within each, the newest on top.
 * @template {{ index: Series["index"] }} Mark
 * @param {readonly Mark[]} marks newest first
 * @returns {Mark[]}
 */
export function drawingOrder(marks) {
  return marks.toReversed().sort((a, b) => rank(a.index) - rank(b.index));
}

/**
 * The key of the maps: showers with their own colour, the others, the sporadic ones; or only the chosen shower.
 * @param {readonly string[]} codes most meteors first @param {string | null} chosen
 * @returns {Series[]}
 */
export function seriesList(codes, chosen) {
  /** @type {Series[]} */
  const list = codes.slice(0, SERIES_MAX).map((code, index) => ({ key: code, name: code, index }));
  if (codes.length > SERIES_MAX) list.push({ key: "other", name: "other showers", index: "other" });
  list.push({ key: "sporadic", name: "sporadic", index: "sporadic" });
  if (chosen === null) return list;
  const own = list.filter(({ key }) => key === chosen);
  return own.length > 0 ? own : list.filter(({ key }) => key === "other");
}
