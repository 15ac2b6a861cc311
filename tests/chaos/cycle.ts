/**
 * One cycle: the source changes, a run is requested, faults come, everything is healed and comes to rest, and the invariants are
 * checked.
 */
import { until } from "../support/poll.ts";
import { Faults } from "./faults.ts";
import { type Expected, violations } from "./invariants.ts";
import { observe } from "./observation.ts";
import type { CyclePlan } from "./plan.ts";
import { readFiles } from "./read_files.ts";
import { ended, endRuns, keyOf, REQUEST_MS, REQUEST_MS_MAX, requestExtraction } from "./runs.ts";
import type { Stage } from "./stage.ts";

/** How long a run may go on by itself before it is cancelled: it may wait a minute for a file that was cut or unavailable. */
const RUN_MS_MAX = 8_000;
/** How long it is left alone in a patient cycle: three passes, a minute apart. */
const PATIENT_MS_MAX = 150_000;
/** From the healing to rest: a lease of a frozen leader is 45 s. */
const REST_MS_MAX = 60_000;
/** Of a process; these small files need a third of it. */
const MEMORY_MB_MAX = 512;
/** How often an extraction is asked for again when it failed: the source was away for too many files in a row. */
const EXTRACTIONS_MAX = 3;

export interface CycleResult {
  readonly violations: readonly string[];
  readonly actions: readonly string[];
  readonly took_ms: number;
  /** Its parts: faults, healing and runs, rest. */
  readonly parts_ms: readonly number[];
}

/** Carries the plan out on a stage that is up. */
export async function runCycle(stage: Stage, plan: CyclePlan): Promise<CycleResult> {
  const began = performance.now();
  const faults = new Faults(stage, plan);
  const marks = [began];
  const mark = () => void marks.push(performance.now());
  let found: string[];
  try {
    await makeTrouble(stage, plan, faults);
    mark();
    await settle(stage, plan);
    mark();
    found = await atRest(stage);
    mark();
  } catch (error) {
    found = [`the cycle itself failed: ${error instanceof Error ? error.message : error}`];
  }
  found.push(...faults.badStops.map((told) => `I7 ${told}`));
  for (const process of stage.processes.values()) {
    await process.look();
    if (process.peak_MB > MEMORY_MB_MAX) found.push(`I8 ${process.name} had ${process.peak_MB} MB`);
    const surprises = process.surprises.splice(0);
    // A start on a full disk may fail; it is repeated.
    const isExcused = plan.actions.some(({ action }) => action.kind === "disk full");
    if (!isExcused) found.push(...surprises.map((told) => `I7 ${told}`));
  }
  return {
    violations: found,
    actions: faults.done,
    took_ms: performance.now() - began,
    parts_ms: marks.slice(1).map((at, index) => at - marks[index]!),
  };
}

async function makeTrouble(stage: Stage, plan: CyclePlan, faults: Faults): Promise<void> {
  const place = stage.events.length;
  await stage.source.write(plan.steps[0]!.source, plan.writings[0]!);
  stage.source.proxy.piece_ms = plan.pace_ms;
  const ending = new AbortController();
  const carried = faults.carryOut(place, ending.signal);
  // Without an answer, the last extraction is as good.
  await requestExtraction(stage, keyOf(plan, "first"), REQUEST_MS).catch(() => {});
  await carried;
  ending.abort();
}

/** Everything is healed; what waits is cancelled; a last extraction reads everything as it is now. */
async function settle(stage: Stage, plan: CyclePlan): Promise<void> {
  await stage.setClock(0);
  stage.source.proxy.piece_ms = 0;
  stage.disk?.free();
  await stage.start();
  const patience_ms = plan.isPatient ? PATIENT_MS_MAX : RUN_MS_MAX;
  if (stage.source.isCut && plan.isPatient) await stage.source.finishCut();
  await endRuns(stage, stage.source.isCut ? 1_000 : patience_ms);
  await stage.source.finishCut();
  for (let nth = 1;; nth++) {
    const id = await requestExtraction(stage, keyOf(plan, `last-${nth}`), REQUEST_MS_MAX);
    const { state, reason } = await ended(stage, id, REST_MS_MAX + PATIENT_MS_MAX);
    if (state === "completed") return;
    if (nth === EXTRACTIONS_MAX) throw new Error(`the last extraction ${id} ${state}: ${reason}`);
  }
}

/** What still does not hold when the service has had time to come to rest. */
async function atRest(stage: Stage): Promise<string[]> {
  const expected = await expectation(stage);
  let found: string[] = [];
  const check = async () => {
    found = violations(expected, await observe(stage));
    return found.length === 0;
  };
  await until("the invariants hold", async () => {
    return await check().catch((error) => {
      found = [`can't look: ${error instanceof Error ? error.message : error}`];
      return false;
    });
  }, REST_MS_MAX).catch(() => {});
  return found;
}

/** What the files say now. */
export async function expectation({ source }: Stage): Promise<Expected> {
  return {
    files: await readFiles(source.folder),
    homes: source.homes,
    badLines: source.badLines,
  };
}
