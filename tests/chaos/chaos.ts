/** Cycles of a seed on a stage: the service is up from one to the next, unless it was killed. */
import { keepArtifacts } from "./artifacts.ts";
import { tryCanaries } from "./canary.ts";
import { type CycleResult, runCycle } from "./cycle.ts";
import { deepViolations } from "./deep_check.ts";
import { type CyclePlan, describePlan, type Mode, planCycles, sourceBefore } from "./plan.ts";
import { STOP_MS_MAX } from "./service_process.ts";
import { Stage } from "./stage.ts";
import { processesBelow } from "../support/process_list.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly mode: Mode;
  readonly cycles: number;
  /** The first one that is carried out. */
  readonly fromCycle: number;
  /** The deep check comes after every so many cycles. */
  readonly deepEvery: number;
  /** Whether the next cycle follows a failed one, on a new stage. */
  readonly goesOn: boolean;
  /** Whether the checker is checked at the end. */
  readonly withCanary: boolean;
  /** Where the artifacts of failed cycles are kept. */
  readonly artifacts: string;
  /** Aborting it ends everything at once. */
  readonly interrupted: AbortSignal;
  readonly tell: (line: string) => void;
}

export interface ChaosResult {
  readonly cycles: number;
  /** Failed cycles, and what failed beside them. */
  readonly failures: readonly string[];
  /** Actions carried out, by kind. */
  readonly actions: ReadonlyMap<string, number>;
  readonly took_ms: number;
  readonly slowest_ms: number;
  readonly peak_MB: number;
}

/** Carries the cycles out. @throws Error when the stage can't be made, such as without Apache Kafka */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const run = new ChaosRun(options);
  const began = performance.now();
  try {
    await Promise.race([run.all(), untilInterrupted(options.interrupted)]);
  } finally {
    await run.stage?.remove();
  }
  return {
    cycles: run.cycles,
    failures: run.failures,
    actions: run.actions,
    took_ms: performance.now() - began,
    slowest_ms: run.slowest_ms,
    peak_MB: run.peak_MB,
  };
}

function untilInterrupted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const end = () => reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
  });
}

class ChaosRun {
  readonly #options: ChaosOptions;
  readonly failures: string[] = [];
  readonly actions = new Map<string, number>();
  stage: Stage | null = null;
  cycles = 0;
  slowest_ms = 0;
  peak_MB = 0;

  constructor(options: ChaosOptions) {
    this.#options = options;
  }

  async all(): Promise<void> {
    const { seed, mode, cycles, fromCycle, goesOn } = this.#options;
    let before = sourceBefore(seed, mode);
    let isNew = true;
    for (const plan of planCycles(seed, mode)) {
      if (plan.cycle >= fromCycle + cycles) break;
      if (plan.cycle >= fromCycle) {
        this.stage ??= await Stage.make(mode);
        if (isNew) {
          await this.stage.source.writeAll(before);
          await this.stage.start();
        }
        isNew = !await this.#one(this.stage, plan);
        if (isNew) {
          if (!goesOn) return;
          await this.#leave();
        }
      }
      before = plan.steps.at(-1)!.source;
    }
    if (this.stage !== null) await this.#end(this.stage);
  }

  /** Gives whether the cycle kept all invariants. */
  async #one(stage: Stage, plan: CyclePlan): Promise<boolean> {
    const { tell, artifacts, deepEvery } = this.#options;
    let result = await runCycle(stage, plan);
    // Its stage is being removed.
    this.#options.interrupted.throwIfAborted();
    if (result.violations.length === 0 && plan.cycle % deepEvery === 0) {
      result = await withDeepCheck(stage, result);
    }
    this.cycles++;
    this.#notePeak();
    this.slowest_ms = Math.max(this.slowest_ms, result.took_ms);
    for (const { action } of plan.actions) {
      this.actions.set(action.kind, (this.actions.get(action.kind) ?? 0) + 1);
    }
    const seconds = (ms: number) => (ms / 1000).toFixed(1);
    const took = `${seconds(result.took_ms)} s (${result.parts_ms.map(seconds).join(" + ")})`;
    const kinds = plan.actions.map(({ action }) => action.kind).join(", ");
    if (result.violations.length === 0) {
      tell(`cycle ${plan.cycle} of seed ${plan.seed}, ${plan.mode}: ${took}: ${kinds}`);
      return true;
    }
    const folder = await keepArtifacts(artifacts, stage, plan, result);
    const shown = result.violations.map((line) => `  ${line}`).join("\n");
    const failure =
      `cycle ${plan.cycle} of seed ${plan.seed}, ${plan.mode}, failed after ${took}:\n${shown}\n` +
      `  more in ${folder}`;
    this.failures.push(failure);
    tell(`${describePlan(plan)}\n${failure}`);
    return false;
  }

  /** The stage of a failed cycle is given up. */
  async #leave(): Promise<void> {
    const stage = this.stage;
    this.stage = null;
    await stage?.remove();
  }

  #notePeak(): void {
    for (const { peak_MB } of this.stage?.processes.values() ?? []) {
      this.peak_MB = Math.max(this.peak_MB, peak_MB);
    }
  }

  /** The canary, and an orderly stop. */
  async #end(stage: Stage): Promise<void> {
    const { withCanary, tell } = this.#options;
    if (withCanary) {
      const { tried, unseen } = await tryCanaries(stage);
      this.failures.push(...unseen);
      tell([`canary: ${tried - unseen.length} of ${tried} seen`, ...unseen].join("\n"));
    }
    const stopped = await stopViolations(stage);
    this.failures.push(...stopped);
    for (const line of stopped) tell(line);
  }
}

async function withDeepCheck(stage: Stage, result: CycleResult): Promise<CycleResult> {
  const began = performance.now();
  const found = await deepViolations(stage).catch((error) => [`the deep check failed: ${error}`]);
  return {
    ...result,
    violations: found,
    took_ms: result.took_ms + performance.now() - began,
  };
}

/** I7: each process ends in time, with code 0, and nothing of it stays. */
async function stopViolations(stage: Stage): Promise<string[]> {
  const found: string[] = [];
  for (const process of stage.processes.values()) {
    const { code, took_ms } = await process.stop();
    if (code !== 0 || took_ms > STOP_MS_MAX) {
      found.push(`I7 ${process.name} ended with ${code} after ${Math.round(took_ms)} ms`);
    }
  }
  const left = stage.engines.outside === null ? await processesBelow(stage.base) : [];
  return [...found, ...left.map(({ command }) => `I7 left behind: ${command}`)];
}
