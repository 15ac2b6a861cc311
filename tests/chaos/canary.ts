/**
 * Breaks the data store on purpose, in a transaction that is undone, one way at a time: the checker must see each. A checker that
 * never finds anything would pass every cycle.
 */
import type postgres from "postgres";
import { expectation } from "./cycle.ts";
import { type Expected, violations } from "./invariants.ts";
import { type Observation, observe } from "./observation.ts";
import type { Stage } from "./stage.ts";

/** What there is to break. */
interface Ids {
  /** A trajectory that a file has. */
  readonly present: string;
  /** One that no file has any longer; all files that had it can be read. Null after too few cycles. */
  readonly withdrawn: string | null;
}

interface Canary {
  readonly what: string;
  /** What the checker must say. */
  readonly says: RegExp;
  readonly needs?: keyof Ids;
  readonly change: (sql: postgres.TransactionSql, ids: Ids) => Promise<unknown>;
}

const CANARIES: readonly Canary[] = [
  {
    what: "a row is lost",
    says: /^I1 \S+ of daily\/\S+ is not stored/,
    change: (sql, { present }) => sql`delete from meteor where id = ${present}`,
  },
  {
    what: "a value is another one",
    says: /^I2 \S+ of daily\/.*: rageo_deg is/,
    change: (sql, { present }) =>
      sql`update meteor set rageo_deg = rageo_deg + 1e-9 where id = ${present}`,
  },
  {
    what: "a withdrawal is lost",
    says: /^I2 \S+ is in no file any longer/,
    needs: "withdrawn",
    change: (sql, { withdrawn }) =>
      sql`update meteor set withdrawn_at = null where id = ${withdrawn}`,
  },
  {
    what: "a row is withdrawn that a file has",
    says: /^I2 \S+ is in daily\/.*, and is withdrawn/,
    change: (sql, { present }) => sql`update meteor set withdrawn_at = now() where id = ${present}`,
  },
  {
    what: "a row that nobody published",
    says: /^I1 20200101000000_canar is stored/,
    change: (sql) =>
      sql`insert into meteor (id, topic_partition, topic_offset) values ('20200101000000_canar', 0, 0)`,
  },
  {
    what: "a station is missing",
    says: /^I2 rows have \d+ stations/,
    change: (sql) =>
      sql`delete from participating_station where meteor_id = (select min(meteor_id) from participating_station)`,
  },
  {
    what: "an offset is behind",
    says: /^I3 trajectory_summary_raw-\d/,
    change: (sql) =>
      sql`update consumer_offset set next_offset = next_offset - 1 where topic = 'trajectory_summary_raw' and partition = 0`,
  },
  {
    what: "a run without an owner",
    says: /^I5 run \S+ is still running/,
    change: (sql) =>
      sql`update ingestion_run set state = 'running' where id = (select max(id) from ingestion_run)`,
  },
  {
    what: "a dead letter of nothing",
    says: /^I6 canary is of no bad line/,
    change: (sql) =>
      sql`insert into dead_letter (id, at, stage, reason) values ('canary', now(), 'read', 'none')`,
  },
];

/** What became of the canaries. */
export interface Canaries {
  /** How many were tried: without a withdrawn trajectory, no withdrawal can be lost. */
  readonly tried: number;
  /** Those that the checker did not see, in words. */
  readonly unseen: readonly string[];
}

/** Tries each. The stage must be at rest, with all invariants kept. */
export async function tryCanaries(stage: Stage): Promise<Canaries> {
  const expected = await expectation(stage);
  const ids = idsOf(expected, await observe(stage));
  const unseen: string[] = [];
  const tried = CANARIES.filter(({ needs }) => needs === undefined || ids[needs] !== null);
  for (const { what, says, change } of tried) {
    const found = violations(expected, await observe(stage, (sql) => change(sql, ids)));
    if (!found.some((line) => says.test(line))) {
      unseen.push(`not seen: ${what} (found: ${found.join("; ") || "nothing"})`);
    }
  }
  return { tried: tried.length, unseen };
}

function idsOf({ files, homes }: Expected, { meteors }: Observation): Ids {
  const present = new Set(files.flatMap(({ rows }) => [...rows.keys()]));
  const spoiled = new Set(files.filter((file) => file.badLines.length > 0).map(({ path }) => path));
  const gone = meteors.find(({ id, isWithdrawn }) =>
    isWithdrawn && !present.has(id) && ![...homes.get(id) ?? []].some((path) => spoiled.has(path))
  );
  return { present: [...present][0]!, withdrawn: gone?.id ?? null };
}
