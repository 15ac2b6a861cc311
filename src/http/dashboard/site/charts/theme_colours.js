// The colours of the style sheet, for drawing on a canvas.

/** Whether the page is dark at the moment. */
export function isDarkNow() {
  const chosen = document.documentElement.dataset.theme;
  return chosen === undefined
    ? matchMedia("(prefers-color-scheme: dark)").matches
    : chosen === "dark";
}

/** The current colours, by purpose. */
export function themeColours() {
  const style = getComputedStyle(document.documentElement);
  const of = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  return {
    text: of("text"),
    muted: of("muted"),
    surface: of("surface"),
    sea: of("sea"),
    land: of("land"),
    coast: of("coast"),
    grid: of("grid-line"),
    line: of("line-strong"),
    accent: of("accent"),
    series: (/** @type {import("./series.js").Series["index"]} */ index) => of(`series-${index}`),
  };
}
