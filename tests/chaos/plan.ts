/**
 * What happens in a cycle: a function of seed, mode and number alone. A failing cycle can be planned, printed and run again.
 *
 *     source changes ─▶ run requested ─▶ faults, each some time after an event ─▶ everything healed ─▶ last run ─▶ checks
 */
import { createRandom, type Random } from "../../sample/random.ts";
import { firstSource, nextStep, type Source, type Step } from "./source.ts";

export type Mode = "all-in-one" | "split";

/** Processes of the service, by mode. */
export const PROCESSES: Readonly<Record<Mode, readonly string[]>> = {
  "all-in-one": ["service"],
  "split": ["producer-1", "producer-2", "consumer", "http"],
};

/** Something that goes wrong. Times are in milliseconds. */
export type Action =
  /** kill -9, or SIGTERM; it is started again after `down_ms`. */
  | { readonly kind: "kill" | "stop"; readonly process: string; readonly down_ms: number }
  | { readonly kind: "freeze"; readonly process: string; readonly for_ms: number }
  | {
    readonly kind: "postgres";
    readonly how: "immediate" | "fast" | "kill" | "kill a backend" | "end all connections";
  }
  | { readonly kind: "freeze postgres"; readonly for_ms: number }
  | { readonly kind: "kafka"; readonly how: "kill" | "stop"; readonly down_ms: number }
  | { readonly kind: "freeze kafka"; readonly for_ms: number }
  | {
    readonly kind: "network";
    readonly to: "source" | "kafka" | "postgres";
    readonly how: "cut" | "delay" | "silence";
    readonly for_ms: number;
  }
  | { readonly kind: "disk full"; readonly for_ms: number }
  | { readonly kind: "clock"; readonly jump_s: number }
  | {
    readonly kind: "source";
    readonly how: "unavailable" | "cut bodies" | "slow";
    readonly for_ms: number;
  }
  /** Another run, which waits until those before it have ended. */
  | { readonly kind: "extract"; readonly nth: number }
  /** The source's next step while the run is under way. */
  | { readonly kind: "rewrite"; readonly step: number };

/** An action, and when: this long after the `nth` event of this name in the cycle. */
export interface Planned {
  readonly after: string;
  readonly nth: number;
  readonly delay_ms: number;
  readonly action: Action;
}

/** How a file's new version is written. */
export interface Writing {
  readonly how: "replaced" | "in place" | "cut";
  /** Where a cut file ends: the part of its lines. */
  readonly part: number;
}

export interface CyclePlan {
  readonly seed: number;
  readonly mode: Mode;
  readonly cycle: number;
  /** The first is made before the run is requested, the others by `rewrite`. */
  readonly steps: readonly Step[];
  /** By step and window. */
  readonly writings: readonly ReadonlyMap<number, Writing>[];
  readonly actions: readonly Planned[];
  /** How far away the source is: what each 8 KiB take while there are faults. */
  readonly pace_ms: number;
  /** Whether a run that waits for a cut file is left to wait; otherwise it is cancelled, which saves a minute. */
  readonly isPatient: boolean;
}

/** Events after which faults come, in the order of a run. */
const MOMENTS = [
  "run.requested",
  "run.started",
  "run.planned",
  "file.started",
  "file.started",
  "file.extracted",
  "file.extracted",
  "run.completed",
  "sink.loaded",
  "run.loaded",
] as const;
/** Moments of what follows a fault: where a second one meets a recovery that is half done. */
const LATER_MOMENTS = [
  "database.restarted",
  "dependency.unavailable",
  "service.ready",
  "producer.leads",
  "sink.assigned",
  "run.started",
  "file.started",
  "sink.loaded",
] as const;
/** How often a further fault comes after one of these, and is of the same kind as the first. */
const LATER_PART = 0.6;
const SAME_PART = 0.4;
/** A run of small files takes some tenths of a second: most faults come within it. */
const DELAY_MS_MAX = 300;
/** Once in so many times a process is frozen for longer than any lease and session; where another one can take its place, more often. */
const LONG_FREEZE_EVERY: Readonly<Record<Mode, number>> = { "all-in-one": 60, "split": 8 };
const LONG_FREEZE_MS = [20_000, 50_000] as const;
/** A run takes some tenths of a second; or a file seconds, so that it is published in parts, with checkpoints in it. */
const PACES_MS = [8, 8, 25, 80, 250];
const PATIENT_EVERY = 100;

/** The plans of a mode, from cycle 1 on. */
export function* planCycles(seed: number, mode: Mode): Generator<CyclePlan, never, void> {
  let source = sourceBefore(seed, mode);
  for (let cycle = 1;; cycle++) {
    const plan = planCycle({ seed, mode, cycle }, source);
    source = plan.steps.at(-1)!.source;
    yield plan;
  }
}

/** The source before cycle 1. */
export function sourceBefore(seed: number, mode: Mode): Source {
  return firstSource(createRandom(seed, mode, "source"));
}

interface About {
  readonly seed: number;
  readonly mode: Mode;
  readonly cycle: number;
}

function planCycle({ seed, mode, cycle }: About, before: Source): CyclePlan {
  const random = createRandom(seed, mode, "cycle", cycle);
  const steps: Step[] = [];
  const count = 1 + random.pick([0, 0, 1, 1, 2, 3]);
  for (let n = 0; n < count; n++) steps.push(nextStep(steps.at(-1)?.source ?? before, random));
  const writings = steps.map(({ rewritten }) =>
    new Map(rewritten.map((window) => [window, writing(random)]))
  );
  const actions = [
    ...steps.slice(1).map((_, at) => moment(random, { kind: "rewrite", step: at + 1 }, MOMENTS)),
    ...Array.from(
      { length: random.pick([0, 0, 1, 1, 2]) },
      (_, nth) => moment(random, { kind: "extract", nth }, MOMENTS),
    ),
    ...faults(random, mode),
  ];
  const isPatient = random.below(PATIENT_EVERY) === 0;
  const pace_ms = random.pick(PACES_MS);
  return { seed, mode, cycle, steps, writings, actions, pace_ms, isPatient };
}

function writing(random: Random): Writing {
  const how = random.pick(
    ["replaced", "replaced", "replaced", "in place", "in place", "cut"] as const,
  );
  return { how, part: random.uniform() };
}

function faults(random: Random, mode: Mode): Planned[] {
  const planned = [moment(random, fault(random, mode), MOMENTS)];
  const further = random.pick([0, 0, 1, 1, 2]);
  for (let n = 0; n < further; n++) {
    const isSame = random.uniform() < SAME_PART;
    const action = isSame ? planned[0]!.action : fault(random, mode);
    const moments = random.uniform() < LATER_PART ? LATER_MOMENTS : MOMENTS;
    planned.push(moment(random, action, moments));
  }
  return planned;
}

function moment(random: Random, action: Action, moments: readonly string[]): Planned {
  return {
    after: random.pick(moments),
    nth: random.pick([1, 1, 1, 2, 2, 3]),
    delay_ms: Math.floor(random.uniform() ** 2 * DELAY_MS_MAX),
    action,
  };
}

const upTo = (random: Random, ms: number): number => Math.floor(random.uniform() * ms);

function fault(random: Random, mode: Mode): Action {
  return random.pick(FAULTS[mode])(random, random.pick(PROCESSES[mode]));
}

type Fault = (random: Random, process: string) => Action;

const kill: Fault = (random, process) => ({ kind: "kill", process, down_ms: upTo(random, 300) });
const stop: Fault = (random, process) => ({ kind: "stop", process, down_ms: upTo(random, 300) });
const freeze = (mode: Mode): Fault => (random, process) => ({
  kind: "freeze",
  process,
  for_ms: random.below(LONG_FREEZE_EVERY[mode]) === 0
    ? Math.floor(random.between(...LONG_FREEZE_MS))
    : 100 + upTo(random, 2_000),
});
const postgres: Fault = (random) => ({
  kind: "postgres",
  how: random.pick(["immediate", "fast", "kill", "kill a backend", "end all connections"] as const),
});
const endConnections: Fault = () => ({ kind: "postgres", how: "end all connections" });
const freezePostgres: Fault = (random) => ({
  kind: "freeze postgres",
  for_ms: 100 + upTo(random, 1_500),
});
const clock: Fault = (random) => ({
  kind: "clock",
  jump_s: random.pick([-86_400, -3_600, -90, -2, 2, 90, 3_600, 86_400]),
});
const source: Fault = (random) => ({
  kind: "source",
  how: random.pick(["unavailable", "cut bodies", "slow"] as const),
  for_ms: 100 + upTo(random, 900),
});
const diskFull: Fault = (random) => ({ kind: "disk full", for_ms: 200 + upTo(random, 1_500) });
const kafka: Fault = (random) => ({
  kind: "kafka",
  how: random.pick(["kill", "stop"] as const),
  down_ms: upTo(random, 500),
});
const freezeKafka: Fault = (random) => ({
  kind: "freeze kafka",
  for_ms: 100 + upTo(random, 2_000),
});
const network = (to: readonly ("source" | "kafka" | "postgres")[]): Fault => (random) => ({
  kind: "network",
  to: random.pick(to),
  how: random.pick(["cut", "delay", "silence"] as const),
  for_ms: 200 + upTo(random, 2_500),
});

const FAULTS: Readonly<Record<Mode, readonly Fault[]>> = {
  "all-in-one": [
    ...[kill, kill, kill, kill, stop, stop, freeze("all-in-one")],
    ...[postgres, postgres, postgres, endConnections, freezePostgres, clock, source],
    ...[network(["source"]), diskFull],
  ],
  "split": [
    ...[
      kill,
      kill,
      kill,
      stop,
      stop,
      freeze("split"),
      freeze("split"),
      postgres,
      postgres,
      endConnections,
    ],
    ...[freezePostgres, clock, source, kafka, freezeKafka],
    ...Array.from(
      { length: 4 },
      () => network(["source", "kafka", "kafka", "postgres", "postgres"]),
    ),
  ],
};

/** The plan in words, one line for each thing. */
export function describePlan(plan: CyclePlan): string {
  const { seed, mode, cycle, steps, writings, actions, pace_ms } = plan;
  const written = (at: number) =>
    [...writings[at]!].map(([window, { how }]) => `${window} ${how}`).join(", ");
  return [
    `seed ${seed}, ${mode}, cycle ${cycle}, ${pace_ms} ms for 8 KiB of a file`,
    ...steps.map(({ what }, at) => `  step ${at}: ${what} (files: ${written(at)})`),
    ...actions.map(({ after, nth, delay_ms, action }) => {
      const { kind, ...details } = action;
      const told = Object.entries(details).map(([name, value]) => `${name}=${value}`).join(" ");
      return `  ${delay_ms} ms after ${after} #${nth}: ${kind} ${told}`;
    }),
  ].join("\n");
}
