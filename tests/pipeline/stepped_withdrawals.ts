/** The withdrawals of a process that stands still before and after each thing it does outside, and can be killed there. */
import type { OutgoingRecord } from "../../src/events/publisher.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { type Observe, unobserved } from "../../src/observe/observe.ts";
import { Withdrawals } from "../../src/producer/withdrawals.ts";
import type { Sql } from "../../src/store/connection.ts";
import { readOffsets } from "../../src/store/consumer_offsets.ts";
import { lookAtFile, readChangedFiles } from "../../src/store/file_generations.ts";

type Append = (records: readonly OutgoingRecord[]) => ReadonlyMap<number, bigint>;

/** A process that withdraws. */
interface Life {
  readonly withdrawals: Withdrawals;
  readonly death: AbortController;
  /** The pass, while there is one. */
  pass: Promise<void> | null;
  /** Lets the pass go on. */
  go: PromiseWithResolvers<void> | null;
}

export class SteppedWithdrawals {
  /** Which files are looked at; the property's runs share a database. */
  isOfInterest: (file: string) => boolean = () => true;
  /** What went wrong in a pass, other than its death. */
  readonly failures: string[] = [];
  readonly #sql: Sql;
  readonly #append: Append;
  #life: Life;
  #stood = Promise.withResolvers<void>();

  constructor(sql: Sql, append: Append) {
    this.#sql = sql;
    this.#append = append;
    this.#life = this.#born();
  }

  /** Begins a pass, or lets it go on to where it stands still next. @returns whether it has ended */
  async step(): Promise<boolean> {
    const life = this.#life;
    this.#stood = Promise.withResolvers<void>();
    const stood = this.#stood.promise;
    if (life.pass === null) life.pass = life.withdrawals.settle();
    else life.go?.resolve();
    const end = await Promise.race([stood.then(() => "stands"), life.pass.then(() => "ended")]);
    if (end === "ended") life.pass = null;
    return end === "ended";
  }

  /** Goes on to the end of the pass, or makes a whole one. */
  async run(): Promise<void> {
    while (!await this.step());
  }

  /** Kills the process where it stands. Another one begins. */
  async kill(): Promise<void> {
    const { death, go, pass } = this.#life;
    death.abort(new Error("killed"));
    go?.reject(death.signal.reason);
    await pass;
    this.#life = this.#born();
  }

  #born(): Life {
    const death = new AbortController();
    const life: Life = { death, pass: null, go: null, withdrawals: null! as Withdrawals };
    const outside = async <Result>(work: () => Result | Promise<Result>): Promise<Result> => {
      await this.#stand(life);
      const result = await work();
      await this.#stand(life);
      return result;
    };
    const observe: Observe = (name, fields) => {
      if (name === "withdrawal.deferred") this.failures.push(JSON.stringify(fields));
    };
    const withdrawals = new Withdrawals({
      generations: {
        changed: () =>
          outside(async () => (await readChangedFiles(this.#sql)).filter(this.isOfInterest)),
        look: (file, neighbours) => outside(() => lookAtFile(this.#sql, file, neighbours)),
        loaded: () => outside(() => readOffsets(this.#sql, TRAJECTORY_SUMMARY_RAW.name)),
      },
      publisher: {
        publish: (_topic, records) => outside(() => this.#append(records)),
        publishEach: () => Promise.reject(new Error("not used")),
        partitionOf: () => 0,
        schemaId: () => 1,
        close: () => Promise.resolve(),
      },
      observe: observe ?? unobserved,
      signal: death.signal,
    });
    return Object.assign(life, { withdrawals });
  }

  async #stand(life: Life): Promise<void> {
    life.death.signal.throwIfAborted();
    life.go = Promise.withResolvers<void>();
    const { promise } = life.go;
    this.#stood.resolve();
    await promise;
  }
}
