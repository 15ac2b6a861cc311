/**
 * Guards the log: opens the gate while it is the log that the data store was built from.
 *
 *     unknown ──check──▶ decided ◀──check──▶ undecided
 *                          (open)             (closed: nothing is published or consumed)
 *
 * It checks before any role starts, when a session joins the consumer group, and every few seconds. In between `confirm` notices a
 * log that was swapped: it compares the identity's bytes for each batch and each publish. A decision (`decide_log.ts`) changes the
 * database or the log; the next check finds them fitting, and everything goes on without a restart.
 *
 * A check that finds a new log for a new data store, or a copy that the data store has moved to, settles it at once. One that finds
 * something wrong looks again, twice, before it says so: a broker that has just been restarted may not know all its topics yet, and
 * another process may be in the middle of settling the same.
 */
import { explain, TransientError, wait } from "@gmn/failures";
import {
  type LoadedRecord,
  type LogGate,
  LogUndecidedError,
  type PartitionName,
} from "../events/log_gate.ts";
import type { Publisher } from "../events/publisher.ts";
import type { Observe } from "../observe/observe.ts";
import { DatabaseMovedError } from "../store/log_binding.ts";
import {
  type Compares,
  LogEye,
  LogGoneError,
  type LogSources,
  type ReadFacts,
  readLogFacts,
} from "./log_facts.ts";
import { judgeLog, LOG_DECISIONS, type LogVerdict, RUNBOOK_PAGES } from "./log_verdict.ts";
import { settleLog } from "./settle_log.ts";

/**
 * Between two checks. An operator who has decided waits so long at most; a log that was swapped while nothing was loaded or published
 * is noticed so late at most. A check costs ten small requests.
 */
export const CHECK_INTERVAL_MS = 5_000;
/** Pauses before the gate closes, each followed by another look. */
const LOOK_AGAIN_MS = [500, 1_500];
/** Another process that settles the same is done at the next look; a consumer of an older version moves the offsets all the time. */
const SETTLE_ATTEMPTS = 5;

export interface LogGuardOptions extends LogSources {
  /** Not behind the gate: for the identity's events. */
  readonly publisher: Publisher;
  readonly observe: Observe;
}

/** What was last found, for `/status` and commands. */
export interface LogState {
  readonly verdict: LogVerdict;
  readonly dataStoreId: string;
  /** The log that the database is bound to, and since when. */
  readonly boundLogId: string | null;
  readonly boundAt: Date | null;
  /** Of the log's identity; see `LogIdentity`. */
  readonly hasTimedIds: boolean;
}

export class LogGuard implements LogGate {
  readonly #options: LogGuardOptions;
  readonly #eye: LogEye;
  readonly #listeners = new Set<(error: LogUndecidedError) => void>();
  #state: LogState | null = null;
  /** What the identity of the checked log was read from. */
  #identity: ReadFacts["identity"] = null;
  /** Resolved while the gate is open. */
  #open = Promise.withResolvers<void>();
  #checking: Promise<void> | null = null;
  /** Something wrong was seen, and is looked at again; nothing is confirmed meanwhile. */
  #isDoubtful = false;
  readonly #closing = new AbortController();
  #timer: ReturnType<typeof setInterval> | null = null;
  /** Counts the periodic checks, which compare the witnesses in turn. */
  #round = 0;

  constructor(options: LogGuardOptions) {
    this.#options = options;
    this.#eye = new LogEye(options.kafka);
  }

  /** What the last check found; null before the first. */
  get state(): LogState | null {
    return this.#state;
  }

  /** Checks every few seconds from now on. */
  watch(): void {
    this.#timer ??= setInterval(() => {
      this.#round++;
      const isInTurn: Compares = (_, at, count) => at === this.#round % count;
      // An unavailable log or database is reported by those that need it.
      this.#run(isInTurn).catch((error) => {
        if (error instanceof TransientError) return;
        const message = `checking the log: ${explain(error)}`;
        this.#options.observe("log.client", { level: "warning", message });
      });
    }, CHECK_INTERVAL_MS);
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#closing.abort(new TransientError("the log is closed"));
    await this.#checking?.catch(() => {});
    await this.#eye.close();
  }

  async check(only?: PartitionName): Promise<void> {
    await this.look(only);
    this.assertDecided();
  }

  /** The same, but an undecided log is a state and no error. @throws TransientError when log or database are unavailable */
  async look(only?: PartitionName): Promise<LogState> {
    await this.#run(({ topic, partition }) =>
      only === undefined || (topic === only.topic && partition === only.partition)
    );
    return this.#state!;
  }

  assertDecided(): void {
    const { verdict } = this.#state ?? {};
    if (verdict?.kind === "ok") return;
    throw verdict === undefined
      ? new LogUndecidedError("the log has not been checked yet")
      : undecidedError(verdict);
  }

  async confirm(loaded?: LoadedRecord): Promise<void> {
    this.assertDecided();
    const seen = this.#identity;
    if (seen === null || this.#isDoubtful) return await this.check();
    const [bytes, digest] = await Promise.all([
      this.#eye.identityBytes(seen.low).catch(unlessGone),
      loaded === undefined
        ? undefined
        : this.#eye.digestAt(loaded.topic, loaded.partition, loaded.witness.offset)
          .catch(unlessGone),
    ]);
    const isSame = bytes !== null && seen.bytes.equals(bytes) &&
      (digest === undefined || digest === loaded?.witness.digest);
    if (!isSame) await this.check();
    else this.assertDecided();
  }

  async decided(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      signal.throwIfAborted();
      while (this.#state?.verdict.kind !== "ok") {
        await Promise.race([this.#open.promise, aborted.promise]);
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  onUndecided(listener: (error: LogUndecidedError) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** One check at a time. A check that is under way may have begun before what its caller wants to be seen. */
  async #run(isCompared: Compares): Promise<void> {
    while (this.#checking !== null) await this.#checking.catch(() => {});
    const mine = this.#check(isCompared);
    this.#checking = mine;
    try {
      await mine;
    } finally {
      this.#checking = null;
    }
  }

  async #check(isCompared: Compares): Promise<void> {
    // What was found wrong must be found right: a check of other partitions says nothing about it.
    let { verdict, read } = await this.#judge(this.#isUndecided() ? () => true : isCompared);
    try {
      for (const pause_ms of this.#isUndecided() ? [] : LOOK_AGAIN_MS) {
        if (verdict.kind === "ok") break;
        this.#isDoubtful = true;
        await wait(pause_ms, this.#closing.signal);
        ({ verdict, read } = await this.#judge(() => true));
      }
      this.#identity = read.identity;
      this.#take(verdict, read);
    } finally {
      this.#isDoubtful = false;
    }
  }

  #isUndecided(): boolean {
    return this.#state !== null && this.#state.verdict.kind !== "ok";
  }

  /** Reads the facts, judges them, and settles what can be settled. */
  async #judge(isCompared: Compares): Promise<{ verdict: LogVerdict; read: ReadFacts }> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#judgeOnce(isCompared);
      } catch (error) {
        if (!(error instanceof DatabaseMovedError) || attempt === SETTLE_ATTEMPTS) throw error;
      }
    }
  }

  async #judgeOnce(isCompared: Compares): Promise<{ verdict: LogVerdict; read: ReadFacts }> {
    let read = await readLogFacts(this.#options, this.#eye, isCompared);
    let verdict = judgeLog(read.facts);
    if (verdict.kind === "ok" && verdict.settle.type !== "nothing") {
      const { type } = verdict.settle;
      // What the lanes have read may have other offsets after a move.
      if (type === "move") this.#tell(new LogUndecidedError("the data store moves to another log"));
      await settleLog(this.#options, read.facts, verdict);
      read = await readLogFacts(this.#options, this.#eye, () => true);
      verdict = judgeLog(read.facts);
    }
    return { verdict, read };
  }

  #take(verdict: LogVerdict, { facts: { binding, identity } }: ReadFacts): void {
    const { observe } = this.#options;
    const before = this.#state;
    this.#state = {
      verdict,
      dataStoreId: binding.dataStoreId,
      boundLogId: binding.logId,
      boundAt: binding.boundAt,
      hasTimedIds: identity?.hasTimedIds ?? false,
    };
    if (verdict.kind === "ok") {
      if (before !== null && before.verdict.kind !== "ok") {
        observe("log.decided", { logId: verdict.logId, dataStoreId: binding.dataStoreId });
      } else if (before !== null && before.boundAt?.getTime() !== binding.boundAt?.getTime()) {
        // Somebody decided before this process noticed that there was something to decide: the offsets are others.
        this.#tell(new LogUndecidedError("the data store was bound to the log again"));
      }
      this.#open.resolve();
      return;
    }
    if (before?.verdict.kind === "ok") this.#open = Promise.withResolvers<void>();
    // The found numbers change while another program writes; only another kind is news.
    if (before?.verdict.kind === verdict.kind) return;
    const { kind, summary, found } = verdict;
    observe("log.undecided", {
      kind,
      summary,
      found: found.join("; "),
      decisions: LOG_DECISIONS.map(({ command }) => command).join(", "),
      page: RUNBOOK_PAGES[kind],
    });
    this.#tell(undecidedError(verdict));
  }

  #tell(error: LogUndecidedError): void {
    for (const listener of [...this.#listeners]) listener(error);
  }
}

/** A topic or an offset that is gone is not an outage, but a log that must be checked. */
function unlessGone(error: unknown): null {
  if (error instanceof LogGoneError) return null;
  throw error;
}

/** The error for everything that must not go on. */
export function undecidedError(
  verdict: Exclude<LogVerdict, { readonly kind: "ok" }>,
): LogUndecidedError {
  return new LogUndecidedError(
    `${verdict.summary} (${
      verdict.found.join("; ")
    }). Nothing is published or loaded until it is decided`,
    {
      hint: `decide with ${LOG_DECISIONS.map(({ command }) => command).join(" or ")}; ${
        RUNBOOK_PAGES[verdict.kind]
      } says which`,
    },
  );
}
