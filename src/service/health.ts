/** What is asked of a service from outside, for `/status`, `/readyz` and `/metrics`. */
import type { Health } from "../http/status_routes.ts";
import type { ServiceStatus } from "../http/status_schemas.ts";
import { type Gauges, gaugesOfParts } from "../observe/gauges.ts";
import { countDeadLetters } from "../store/dead_letters.ts";
import { countMeteors, readStoreGauges } from "../store/gauges.ts";
import type { Question, Reader } from "../store/reader.ts";
import type { LogDamages } from "./log_damage.ts";
import type { RunningParts, ServiceParts } from "./parts.ts";
import { LIMIT_MS, queryParts, statusOf } from "./status.ts";

/** The part that is not ready until the service has started. */
const SERVICE_PART = "service";

/** The health queries for these parts, also while the service starts. */
export function createHealth(parts: ServiceParts): Health {
  return {
    status: () => statusOf(parts),
    async notReady() {
      if (parts.running === null) return { [SERVICE_PART]: "starting" };
      const { status } = await queryParts(parts.running);
      const missing = Object.entries(status).filter(([, { ready }]) => !ready);
      return Object.fromEntries(missing.map(([name, { detail }]) => [name, detail]));
    },
    gauges: () =>
      parts.running === null
        // The boot waits for an engine, perhaps for hours: then nothing but this says so.
        ? Promise.resolve(gaugesOfParts({ [SERVICE_PART]: false }))
        : queryGauges(parts.running, parts.damages),
  };
}

/** All gauges. A value that is unknown because the database does not give it is null or left out: `parts` shows the reason. */
async function queryGauges(running: RunningParts, damages: LogDamages): Promise<Gauges> {
  const { reader, log, disks, checksLog } = running;
  const [{ status, lag }, damaged, store, meteors, deadLetters] = await Promise.all([
    queryParts(running),
    damages.look(log),
    unlessFailed(reader, readStoreGauges),
    unlessFailed(reader, countMeteors),
    unlessFailed(reader, countDeadLetters),
  ]);
  const parts = { [SERVICE_PART]: true, ...ownParts(status, running) };
  return {
    ...gaugesOfParts(parts),
    logDamaged: checksLog ? damaged.filter(({ isRepaired }) => !isRepaired).length : null,
    disks: disks.disks,
    logVerdict: log.guard?.state?.verdict.kind ?? null,
    lag,
    meteors,
    deadLetters,
    ...store,
  };
}

/** The answer, or null: what the database refuses must not take the other metrics away. */
const unlessFailed = <Answer>(reader: Reader, question: Question<Answer>) =>
  reader.look(LIMIT_MS, question).catch(() => null);

/**
 * Whether each part works, without those that this process does not have: an alert about them would be about nothing. `runs` is a part
 * of all processes together, which has a gauge of its own.
 */
function ownParts(
  status: ServiceStatus["parts"],
  { disks, subscription }: RunningParts,
): Gauges["parts"] {
  const { runs: _, disk, consumer, ...common } = status;
  const own = {
    ...common,
    ...disks.hasDisks ? { disk } : {},
    ...subscription === null ? {} : { consumer },
  };
  return Object.fromEntries(Object.entries(own).map(([name, { ready }]) => [name, ready]));
}
