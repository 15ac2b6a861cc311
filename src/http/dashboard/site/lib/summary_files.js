// Labels of summary files by their content, and the order in which they are listed.

/** What a summary file contains, from its name; the name itself when it is of another kind. @param {string} path */
export function fileLabel(path) {
  const name = path.split("/").at(-1) ?? path;
  const daily = /^traj_summary_(\d{4})(\d{2})(\d{2})_solrange_(\d{3}\.\d)-(\d{3}\.\d)\.txt$/.exec(
    name,
  );
  if (daily !== null) {
    const [, year, month, day, begin, end] = daily;
    return { main: `${year}-${month}-${day}`, more: `λ☉ ${begin}–${end}°` };
  }
  if (name === "traj_summary_latest_daily.txt") return { main: "latest", more: "alias" };
  if (name === "traj_summary_yesterday.txt") return { main: "yesterday", more: "alias" };
  const monthly = /^traj_summary_monthly_(\d{4})(\d{2})\.txt$/.exec(name);
  if (monthly !== null) return { main: `${monthly[1]}-${monthly[2]}`, more: "month" };
  const yearly = /^traj_summary_yearly_(\d{4})\.txt$/.exec(name);
  if (yearly !== null) return { main: yearly[1], more: "year" };
  if (name === "traj_summary_all.txt") return { main: "all", more: "everything" };
  return { main: name, more: "" };
}

/** Aliases first, then by content, newest first. @param {string} a @param {string} b */
export function byNewestFile(a, b) {
  const rank = (/** @type {string} */ path) => {
    const { more } = fileLabel(path);
    if (more === "alias") return path.includes("latest") ? 0 : 1;
    return 2 + ["λ", "month", "year", "everything", ""].findIndex((one) => more.startsWith(one));
  };
  return rank(a) - rank(b) || b.localeCompare(a);
}
