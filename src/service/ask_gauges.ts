/**
 * Numbers that can only be asked for, when somebody scrapes: the parts, the lag, what is in the data store.
 */
import { TransientError } from "../failures/failures.ts";
import type { Gauges } from "../observe/metrics.ts";
import type { Sql } from "../store/connection.ts";
import { classifyDatabaseError } from "../store/database_errors.ts";
import { countDeadLetters } from "../store/dead_letters.ts";
import { readStoreGauges } from "../store/gauges.ts";
import { countMeteors } from "../store/meteor_counts.ts";
import { askParts, type Parts } from "./parts.ts";

/** All of them. What nobody can tell because the database is away is null or left out: `parts` says so. */
export async function askGauges(sql: Sql, parts: Parts): Promise<Gauges> {
  const [{ status, lag }, of, meteors, deadLetters] = await Promise.all([
    askParts(parts),
    unlessAway(readStoreGauges(sql)),
    unlessAway(countMeteors(sql)),
    unlessAway(countDeadLetters(sql)),
  ]);
  return {
    parts: Object.fromEntries(Object.entries(status).map(([name, { ready }]) => [name, ready])),
    lag: (lag ?? []).map(({ topic, partition, position, end }) => ({
      topic,
      partition,
      lag: Number(end - position),
    })),
    meteors,
    deadLetters,
    ...of ?? { runs: {}, newestRow_s: null, newestMeteor_s: null, lastDailySuccess_s: null },
  };
}

async function unlessAway<Answer>(question: Promise<Answer>): Promise<Answer | null> {
  try {
    return await question;
  } catch (error) {
    if (classifyDatabaseError(error) instanceof TransientError) return null;
    throw error;
  }
}
