/** Takes an epoch on the log for each term in which this process leads (runs/run_leader.ts). */
import { TransientError } from "@gmn/failures";
import { retryWhileAway } from "../observe/retries.ts";
import type { Observe } from "../observe/observe.ts";
import type { RunEpochs } from "../producer/run_leadership.ts";
import type { RunJournal } from "../producer/ports.ts";
import type { RunLeader } from "../runs/run_leader.ts";

export interface RunEpochsOptions {
  readonly journal: RunJournal;
  /** The leader according to the projection. */
  readonly leader: () => Promise<RunLeader | null>;
  /** Waits until the projection has everything that is in the journal now. @throws the reason of the signal */
  readonly caughtUp: (until: AbortSignal) => Promise<void>;
  /** This process: `host:pid`. */
  readonly owner: string;
  readonly observe: Observe;
  readonly now?: () => Date;
}

/** How many characters of a random id make a term unique: two of one process, or of two with the same host name and pid. */
const TERM_ID_LENGTH = 8;

/** The epochs of this process. */
export function createRunEpochs(options: RunEpochsOptions): RunEpochs {
  const { journal, leader, caughtUp, observe, now = () => new Date() } = options;
  let owner = "";

  /** Whether the epoch was free: the first record with it in the log decides. */
  async function tryTake(epoch: number, until: AbortSignal): Promise<boolean> {
    const waiting = { observe, part: "broker", what: "the run journal", signal: until } as const;
    const leads = { type: "leads", at: now(), epoch, owner } as const;
    await retryWhileAway(waiting, () => journal.append(leads));
    await caughtUp(until);
    const found = await leader();
    if (found === null || found.epoch < epoch) {
      throw new TransientError(
        "the projection of the runs has read this process's epoch from the log and does not know it",
        { hint: "a consumer of an older version is still running: stop it" },
      );
    }
    return found.epoch === epoch && found.owner === owner;
  }

  return {
    async take(until) {
      owner = `${options.owner}@${crypto.randomUUID().slice(0, TERM_ID_LENGTH)}`;
      await caughtUp(until);
      for (;;) {
        until.throwIfAborted();
        const epoch = ((await leader())?.epoch ?? 0) + 1;
        if (await tryTake(epoch, until)) return epoch;
      }
    },
    async isCurrent(epoch) {
      const found = await leader();
      return found === null || found.epoch < epoch ||
        (found.epoch === epoch && found.owner === owner);
    },
  };
}
