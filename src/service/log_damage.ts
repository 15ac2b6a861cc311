/**
 * The damage that the embedded broker's checks have found in the log since this process started, and whether it has been repaired since:
 * for `/status` and metrics.
 */
import { readLogIdentity } from "../events/log_identity.ts";
import type { Listener } from "../observe/observe.ts";
import type { Vocabulary } from "../observe/vocabulary.ts";
import type { Log } from "./open_log.ts";

/** A damaged range; offsets are inclusive. */
export type LogDamage = Vocabulary["log.damaged"] & { readonly isRepaired: boolean };

/** More ranges tell nobody more. */
const RANGES_MAX = 1_000;
/** How old the knowledge of repairs may be. It is looked up only while there is damage. */
const REPAIRS_MS_MAX = 10_000;

type Repairs = readonly {
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
}[];

export class LogDamages {
  readonly #ranges: Vocabulary["log.damaged"][] = [];
  #repairs: Repairs = [];
  #lookedAt_ms = -Infinity;

  /** Takes in the broker's findings. */
  readonly listener: Listener = ({ name, detail }) => {
    if (name === "log.damaged" && this.#ranges.length < RANGES_MAX) this.#ranges.push(detail);
  };

  /** What was found. Of a log that is unavailable, the repairs are those that were known before. */
  async look({ kafka, registry }: Pick<Log, "kafka" | "registry">): Promise<LogDamage[]> {
    if (this.#ranges.length === 0) return [];
    if (performance.now() - this.#lookedAt_ms > REPAIRS_MS_MAX) {
      this.#lookedAt_ms = performance.now();
      try {
        this.#repairs = (await readLogIdentity(kafka, registry))?.repairs ?? [];
      } catch {
        // The parts of the status say that the log is unavailable.
      }
    }
    return this.#ranges.map((range) => ({ ...range, isRepaired: this.#isRepaired(range) }));
  }

  #isRepaired(range: Vocabulary["log.damaged"]): boolean {
    return this.#repairs.some(({ topic, partition, firstOffset, lastOffset }) =>
      topic === range.topic && partition === range.partition &&
      firstOffset <= range.firstOffset && lastOffset >= range.lastOffset
    );
  }
}
