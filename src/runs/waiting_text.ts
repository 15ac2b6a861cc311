/** What a run waits for, in words; for commands. The dashboard has words of its own, with a countdown. */
import type { RunView } from "./run_schemas.ts";

/** In a few words, such as `waits: FILE, attempt 1 of 3 (REASON), again at 10:04:05 UTC`; null when the run does not wait. */
export function sayWaiting({ waiting }: Pick<RunView, "waiting">): string | null {
  if (waiting === null) return null;
  switch (waiting.for) {
    case "file": {
      const { file, attempt, attempts, reason, retry_at } = waiting;
      const at = `${retry_at.slice(11, 19)} UTC`;
      return `waits: ${file}, attempt ${attempt} of ${attempts} (${reason}), again at ${at}`;
    }
    case "run":
      return `queued behind run ${waiting.run_id}`;
    case "owner":
      return "waits: no process works on the runs";
  }
}
