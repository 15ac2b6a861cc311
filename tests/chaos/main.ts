/** `deno task chaos`: kills, freezes, cuts and fills by a seed, and checks after each cycle that nothing was lost. */
import process from "node:process";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { kafkaJars } from "../clients/install/java.ts";
import { type ChaosResult, runChaos } from "./chaos.ts";
import type { Mode } from "./plan.ts";

const HELP =
  `Faults by chance, and a check after each cycle that nothing was lost or made up (docs/reliability.md).

usage: deno task chaos [--cycles N] [--seed S] [--mode all-in-one|split|both]

  --cycles N        how many cycles (20)
  --seed S          what happens in each cycle is a function of it (a new one each time, printed)
  --mode MODE       all-in-one: one process with its own broker and PostgreSQL. split: two producers, a consumer and an API on a real
                    Apache Kafka. both (the default): four of five cycles all-in-one
  --from-cycle K    begins with this cycle of the seed, on the source as it is then
  --deep-every N    a rebuild is compared, the topic read and the dead letters replayed after every so many cycles (10)
  --keep-going      the next cycle follows a failed one
  --canary          breaks the data store on purpose at the end: the checker must see it
  --artifacts DIR   where the logs and files of failed cycles are kept

exit codes:
  0  every cycle kept all invariants
  1  one did not (its artifacts are kept, and the command that repeats it is printed), or it was interrupted
  2  the command line must be another one`;

const OPTIONS = {
  "cycles": { type: "string", default: "20" },
  "seed": { type: "string" },
  "mode": { type: "string", default: "both" },
  "from-cycle": { type: "string", default: "1" },
  "deep-every": { type: "string", default: "10" },
  "keep-going": { type: "boolean", default: false },
  "canary": { type: "boolean", default: false },
  "artifacts": { type: "string", default: join(tmpdir(), "gmn-data-store-chaos") },
  "help": { type: "boolean", default: false },
} as const;

/** Of the cycles of both modes, so many are split: these take longer. */
const SPLIT_PART = 0.2;

class WrongUsage extends Error {}

function whole(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new WrongUsage(`--${name} ${text}: a whole number is needed`);
  return Number(text);
}

/** How many cycles of each mode. */
function cyclesByMode(mode: string, cycles: number): [Mode, number][] {
  const split = Math.round(cycles * SPLIT_PART);
  if (mode === "both") return [["all-in-one", cycles - split], ["split", split]];
  if (mode !== "all-in-one" && mode !== "split") {
    throw new WrongUsage(`--mode ${mode}: all-in-one, split or both`);
  }
  return [[mode, cycles]];
}

/** Why there is no Apache Kafka here; null when there is one. */
async function missingKafka(): Promise<string | null> {
  return await kafkaJars().then(() => null, (error) => String(error).split("\n")[0]!);
}

const tell = (line: string) => void process.stdout.write(`${line}\n`);

// kafkajs asks for timers of negative length; Node warns of each first one.
process.removeAllListeners("warning");

/** Of the system, and of PostgreSQL (57P01: ended by an administrator, 57P02: by a crash, 57P03: it is starting). */
const LOST_CONNECTION = new Set(["ECONNRESET", "EPIPE", "57P01", "57P02", "57P03"]);

// postgres.js takes its listeners from a connection that has ended, and a fault may then reset it: of the checker's own connections.
process.on("uncaughtException", (error: Error & { code?: string }) => {
  if (!LOST_CONNECTION.has(error.code ?? "")) interrupted.abort(error);
});
/** Ctrl-C ends the cycle under way; what was started is ended and removed. */
const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => interrupted.abort(new Error(`interrupted by ${name}`)));
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.help) {
    tell(HELP);
    return 0;
  }
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : whole("seed", values.seed);
  const cycles = whole("cycles", values.cycles);
  const results: ChaosResult[] = [];
  for (const [mode, count] of cyclesByMode(values.mode, cycles).filter(([, count]) => count > 0)) {
    const missing = mode === "split" ? await missingKafka() : null;
    if (missing !== null && values.mode === "both") {
      tell(`${count} cycles split are left out: no Apache Kafka: ${missing}`);
      continue;
    }
    tell(`${count} cycles ${mode}, seed ${seed}`);
    results.push(
      await runChaos({
        seed,
        mode,
        cycles: count,
        fromCycle: whole("from-cycle", values["from-cycle"]),
        deepEvery: whole("deep-every", values["deep-every"]),
        goesOn: values["keep-going"],
        withCanary: values.canary,
        artifacts: values.artifacts,
        interrupted: interrupted.signal,
        tell,
      }),
    );
    tell(summaryOf(mode, results.at(-1)!));
  }
  return results.every(({ failures }) => failures.length === 0) ? 0 : 1;
}

function summaryOf(mode: Mode, result: ChaosResult): string {
  const { cycles, failures, actions, took_ms, slowest_ms, peak_MB } = result;
  const done = [...actions].sort(([a], [b]) => a.localeCompare(b))
    .map(([kind, count]) => `${kind} ${count}`).join(", ");
  const mean_s = (took_ms / 1000 / Math.max(1, cycles)).toFixed(1);
  return `${mode}: ${cycles} cycles, ${failures.length} failures; ${mean_s} s a cycle, the slowest ` +
    `${(slowest_ms / 1000).toFixed(1)} s; at most ${peak_MB} MB a process; ${done}`;
}

if (import.meta.main) {
  try {
    process.exit(await main(process.argv.slice(2)));
  } catch (error) {
    const isUsage = error instanceof WrongUsage || error instanceof TypeError &&
        (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS");
    const { message } = error as Error;
    process.stderr.write(isUsage ? `${message}\n\n${HELP}\n` : `chaos: ${message}\n`);
    process.exit(isUsage ? 2 : 1);
  }
}
