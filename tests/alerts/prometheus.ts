/**
 * What Prometheus would see and say: real scrapes, and promtool's rule tests that are made of them.
 *
 *     scrape ─▶ a stretch of time in which Prometheus sees the same at every scrape ─▶ input series of `promtool test rules`
 *
 * promtool's clock begins in 1970 and the scrapes are of today, so times (`*_timestamp_seconds`) are given relative to their scrape.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "@std/yaml/parse.js";

const FOLDER = resolve(import.meta.dirname!, "../../ops/prometheus");
const RULES = join(FOLDER, "alerts.yml");

interface ScrapeSettings {
  readonly scrape_configs: readonly { readonly job_name: string }[];
}
const JOB = (parse(readFileSync(join(FOLDER, "scrape.yml"), "utf8")) as ScrapeSettings)
  .scrape_configs[0]!.job_name;

/** Why promtool can't be run here; empty when it can. */
export const WITHOUT_PROMTOOL = spawnSync("promtool", ["--version"]).status === 0
  ? ""
  : ": skipped, there is no promtool here (Debian's package prometheus has it)";

/** What Prometheus got from a process. */
export interface Scrape {
  readonly at: Date;
  readonly instance: string;
  /** Value by series, without the labels that Prometheus adds; null when the process did not answer. */
  readonly samples: ReadonlyMap<string, number> | null;
}

/** Prometheus waits 10 s for an answer. */
const SCRAPE_MS = 10_000;

/** Scrapes one process, at the URL before `/metrics`. */
export async function scrape(url: string): Promise<Scrape> {
  const { host: instance } = new URL(url);
  const at = new Date();
  try {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(SCRAPE_MS) });
    const text = await response.text();
    return { at, instance, samples: response.ok ? samplesOf(text) : null };
  } catch {
    return { at, instance, samples: null };
  }
}

/** The samples of our own metrics, without the buckets of histograms. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => /^gmn_/.test(line) && !/_bucket\{/.test(line));
  return new Map(lines.map((line) => {
    const end = line.lastIndexOf(" ");
    return [line.slice(0, end), Number(line.slice(end + 1))];
  }));
}

/** A time in which every scrape gives the same. */
export interface Stretch {
  readonly scrapes: readonly Scrape[];
  readonly minutes: number;
  /** The alerts at the end of it, as `Name` or `Name{label="value"}` with all labels but job, instance and severity. */
  readonly firing: readonly string[];
  /** Whether what is so many seconds ago (`*_ago_seconds`) gets older in it; otherwise it is renewed all the time. */
  readonly ages?: boolean;
}

/**
 * Checks that exactly these alerts fire at the end of each stretch. Prometheus scrapes, and evaluates the rules, every so many
 * minutes, of which each stretch has a whole number.
 * @throws Error with what promtool says otherwise
 */
export function expectAlerts(stretches: readonly Stretch[], interval_minutes = 1): void {
  const timeline = new Timeline(interval_minutes);
  const checks = stretches.map((stretch) => ({
    expr: `group without (job, instance, severity, alertstate) (ALERTS{alertstate="firing"})`,
    eval_time: `${timeline.add(stretch)}m`,
    exp_samples: stretch.firing.map((alert) => ({ labels: labelsOf(alert), value: 1 })),
  }));
  const interval = `${interval_minutes}m`;
  promtool(["test", "rules"], {
    rule_files: [RULES],
    evaluation_interval: interval,
    tests: [{ interval, input_series: timeline.series(), promql_expr_test: checks }],
  });
}

/** The series of one stretch after the other, in promtool's notation: `value+growthxcount`, and `_xcount` where there is none. */
class Timeline {
  readonly #series = new Map<string, string[]>();
  /** When each was first seen, in minutes: one that is seen again in the next stretch is older by then. */
  readonly #seenAt = new Map<Scrape, number>();
  #minutes = 0;

  constructor(private readonly interval_minutes: number) {}

  /** Adds a stretch; gives the minute of its last scrape. */
  add(stretch: Stretch): number {
    const begin = this.#minutes;
    const count = stretch.minutes / this.interval_minutes;
    const now = new Map(stretch.scrapes.flatMap((one) => this.#seriesOf(one, stretch)));
    for (const name of new Set([...this.#series.keys(), ...now.keys()])) {
      const before = this.#series.get(name) ??
        (begin === 0 ? [] : [`_x${begin / this.interval_minutes}`]);
      this.#series.set(name, [...before, ...now.get(name) ?? gone(before, count)]);
    }
    this.#minutes += stretch.minutes;
    return this.#minutes - this.interval_minutes;
  }

  series(): { series: string; values: string }[] {
    return [...this.#series].map(([series, values]) => ({ series, values: values.join(" ") }));
  }

  /** The series of a scrape with the labels that Prometheus adds, and their values for a stretch. */
  #seriesOf(scrape: Scrape, { minutes, ages = false }: Stretch): [string, string[]][] {
    const { samples, instance, at } = scrape;
    const seenAt = this.#seenAt.get(scrape) ?? this.#minutes;
    this.#seenAt.set(scrape, seenAt);
    const target = `job="${JOB}",instance="${instance}"`;
    const repeated = (value: number, growth = 0) => [
      `${Number(value.toFixed(3))}+${growth}x${minutes / this.interval_minutes - 1}`,
    ];
    const others = [...samples ?? []].map(([series, value]): [string, string[]] => {
      const [name = "", labels = ""] = series.split(/[{}]/);
      const full = `${name}{${labels}${labels === "" ? "" : ","}${target}}`;
      if (name.endsWith("_timestamp_seconds")) {
        return [full, repeated(value - at.getTime() / 1000 + seenAt * 60)];
      }
      if (name.endsWith("_ago_seconds") && ages) {
        return [
          full,
          repeated(value + (this.#minutes - seenAt) * 60, this.interval_minutes * 60),
        ];
      }
      return [full, repeated(value)];
    });
    return [[`up{${target}}`, repeated(samples === null ? 0 : 1)], ...others];
  }
}

/** A series that a scrape no longer has: Prometheus marks it at once. */
function gone(before: readonly string[], count: number): string[] {
  if (before.at(-1)?.startsWith("_") === true || before.at(-1) === "stale") return [`_x${count}`];
  return count > 1 ? ["stale", `_x${count - 1}`] : ["stale"];
}

function labelsOf(alert: string): string {
  const [name, labels = ""] = alert.split(/[{}]/);
  return `{alertname="${name}"${labels === "" ? "" : `,${labels}`}}`;
}

/**
 * Runs promtool on a file with this content (JSON is YAML, too).
 * @throws Error with its output when it finds anything
 */
export function promtool(command: readonly string[], content: unknown): void {
  const folder = mkdtempSync(join(tmpdir(), "gmn-promtool-"));
  try {
    const file = join(folder, "promtool.yml");
    writeFileSync(file, JSON.stringify(content));
    const { status, stdout, stderr } = spawnSync("promtool", [...command, file], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${stdout}${stderr}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
