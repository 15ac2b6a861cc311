/** Runs by the API: requested, waited for, cancelled; again and again, while the service can't answer. */
import { until } from "../support/poll.ts";
import type { RunSeen } from "./observation.ts";
import type { CyclePlan } from "./plan.ts";
import { DAYS, type Stage } from "./stage.ts";

/** From a start or a healed fault to an answer: PostgreSQL may have to recover, and a killed consumer's session to end. */
export const REQUEST_MS_MAX = 90_000;
/** While there are faults: a request that nobody takes is left out. */
export const REQUEST_MS = 3_000;

/** The Idempotency-Key of one of a cycle's requests. */
export function keyOf({ seed, mode, cycle }: CyclePlan, which: string): string {
  return `${seed}-${mode}-${cycle}-${which}`;
}

/** Asks for the daily extraction, again while the service can't tell; gives the run's id. */
export async function requestExtraction(
  stage: Stage,
  key: string,
  limit_ms: number,
): Promise<string> {
  return await until("an extraction is accepted", async () => {
    const response = await stage.api("/extract", {
      method: "POST",
      body: JSON.stringify({ days: DAYS }),
      headers: { "idempotency-key": key },
    }).catch(() => null);
    if (response === null) return null;
    if (response.status === 202) return (await response.json() as { run_id: string }).run_id;
    const text = await response.text();
    if (response.status < 500 && response.status !== 429) {
      throw new Error(`POST /extract: ${response.status} ${text}`);
    }
    return null;
  }, limit_ms);
}

/** Waits until no run is at work; after a while they are cancelled. */
export async function endRuns(stage: Stage, patience_ms: number): Promise<void> {
  const deadline = performance.now() + patience_ms;
  const cancelled = new Set<string>();
  await until("no run is at work", async () => {
    const response = await stage.api("/runs?limit=20").catch(() => null);
    if (response?.status !== 200) return await response?.body?.cancel().then(() => null);
    const { runs } = await response.json() as { runs: RunSeen[] };
    const going = runs.filter(({ state }) => state === "requested" || state === "running");
    if (performance.now() > deadline) {
      for (const { id } of going.filter((run) => !cancelled.has(run.id))) {
        const answer = await stage.api(`/runs/${id}/cancel`, { method: "POST" }).catch(() => null);
        await answer?.body?.cancel();
        if (answer?.status === 200) cancelled.add(id);
      }
    }
    return going.length === 0;
  }, patience_ms + REQUEST_MS_MAX);
}

/** Waits for the end of a run. */
export async function ended(stage: Stage, id: string, limit_ms: number) {
  return await until(`run ${id} has ended`, async () => {
    const response = await stage.api(`/runs/${id}`).catch(() => null);
    if (response?.status !== 200) return await response?.body?.cancel().then(() => null);
    const run = await response.json() as RunSeen & { reason: string | null };
    return run.state === "requested" || run.state === "running" ? null : run;
  }, limit_ms);
}
