/** The plan of chaos, and the files it leads to: functions of the seed, which the checker's own reader reads as they are meant. */
import { describe, expect, test } from "vitest";
import { type CyclePlan, describePlan, type Mode, planCycles } from "./plan.ts";
import { readText } from "./read_files.ts";
import { cutPosition, textOf } from "./source_text.ts";

const CYCLES = 60;

function firstPlans(seed: number, mode: Mode): CyclePlan[] {
  const plans: CyclePlan[] = [];
  for (const plan of planCycles(seed, mode)) {
    plans.push(plan);
    if (plans.length === CYCLES) break;
  }
  return plans;
}

describe.each(["all-in-one", "split"] as const)("%s", (mode) => {
  const plans = firstPlans(4711, mode);

  test("the same seed plans the same, another one something else", () => {
    const texts = (seed: number) =>
      firstPlans(seed, mode).map((plan) => [describePlan(plan), plan.steps.at(-1)!.source]);
    expect(texts(4711)).toEqual(plans.map((plan) => [
      describePlan(plan),
      plan.steps.at(-1)!.source,
    ]));
    expect(texts(4712)).not.toEqual(texts(4711));
  });

  test("a trajectory is in one window, a later version has a later stamp", () => {
    let before = plans[0]!.steps[0]!.source;
    for (const { source, rewritten } of plans.flatMap(({ steps }) => steps).slice(1)) {
      const ids = source.windows.flatMap(({ rows }) => [...rows.keys()]);
      expect(new Set(ids).size).toBe(ids.length);
      for (const at of rewritten) {
        expect(source.windows[at]!.stamp_ms).toBeGreaterThan(before.windows[at]!.stamp_ms);
        expect(source.windows[at]!.rows.size).toBeGreaterThan(0);
      }
      before = source;
    }
  });

  test("each kind of change and of fault comes", () => {
    const said = plans.map(describePlan).join("\n");
    for (
      const kind of [
        ..."new,corrected,withdrawn,returned,moved to,only the stamp,a bad line,repaired,cut".split(
          ",",
        ),
        ..."kill,stop,freeze,postgres,clock,source,network,rewrite".split(","),
        ...(mode === "split" ? ["kafka", "freeze kafka"] : ["disk full"]),
      ]
    ) expect(said).toContain(kind);
  });
});

test("the checker reads each line of the files that are written, and only those", () => {
  for (const { steps } of firstPlans(1, "all-in-one")) {
    for (const window of steps.at(-1)!.source.windows) {
      const text = textOf(window);
      const read = readText(window.path, text);
      expect([...read.rows.keys()].toSorted()).toEqual([...window.rows.keys()].toSorted());
      expect(read.badLines).toHaveLength(window.badLines);
      expect(read.stamp_ms).toBe(window.stamp_ms);
    }
  }
});

test("a cut file ends in the middle of a line", () => {
  const { steps } = firstPlans(2, "all-in-one")[0]!;
  const text = textOf(steps[0]!.source.windows[0]!);
  for (const part of [0, 0.3, 0.999]) {
    const cut = text.slice(0, cutPosition(text, part));
    expect(cut.split("\n").at(-1)).toMatch(/^\r?\d{14}_\S+; /);
    expect(cut.length).toBeLessThan(text.length);
  }
});
