/** Epochs are taken on the log: two processes that begin to lead at the same time get different ones. */
import { expect, test } from "vitest";
import { unobserved } from "../observe/observe.ts";
import type { RunEvent } from "../runs/run_event.ts";
import { evolveLeader, type Leads, type RunLeader } from "../runs/run_leader.ts";
import { createRunEpochs } from "./run_epochs.ts";

/** A log whose acknowledgements and projection lag behind by a random number of turns. */
function createLog(random: () => number) {
  const events: (Leads | RunEvent)[] = [];
  const later = async () => {
    for (let turns = Math.floor(random() * 6); turns > 0; turns--) await Promise.resolve();
  };
  return {
    events,
    processOf: (owner: string) =>
      createRunEpochs({
        journal: {
          async append(event) {
            await later();
            events.push(event);
            // As if the acknowledgement were lost and the event sent again.
            if (random() < 0.3) events.push(event);
            await later();
          },
        },
        async leader() {
          const leader = events.reduce<RunLeader | null>(evolveLeader, null);
          await later();
          return leader;
        },
        caughtUp: later,
        owner,
        observe: unobserved,
      }),
  };
}

/** The same numbers for the same seed. */
function numbers(seed: number): () => number {
  return () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
}

test("processes that race for an epoch get different ones, and only the last is current", async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const log = createLog(numbers(seed));
    const processes = ["one", "one", "two"].map((owner) => log.processOf(owner));
    const until = new AbortController().signal;
    const epochs = await Promise.all(processes.map((process) => process.take(until)));
    expect(new Set(epochs).size, `seed ${seed}: ${epochs}`).toBe(3);
    const current = await Promise.all(
      processes.map((process, at) => process.isCurrent(epochs[at]!)),
    );
    expect(current, `seed ${seed}`).toEqual(epochs.map((epoch) => epoch === Math.max(...epochs)));
  }
});

test("a projection that knows no epochs, that of an older version, is an error and no endless row of records", async () => {
  const appended: number[] = [];
  const epochs = createRunEpochs({
    journal: { append: (event) => (appended.push(event.epoch ?? 0), Promise.resolve()) },
    leader: () => Promise.resolve(null),
    caughtUp: () => Promise.resolve(),
    owner: "host:1",
    observe: unobserved,
  });
  await expect(epochs.take(new AbortController().signal)).rejects.toThrow(/does not know it/);
  expect(appended).toEqual([1]);
});
