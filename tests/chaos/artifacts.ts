/** Keeps what is needed to understand a failed cycle: the plan, what was done, what did not hold, the logs, the source's files. */
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CycleResult } from "./cycle.ts";
import { type CyclePlan, describePlan } from "./plan.ts";
import type { Stage } from "./stage.ts";

/** Writes them; gives the folder. */
export async function keepArtifacts(
  folder: string,
  stage: Stage,
  plan: CyclePlan,
  { violations, actions }: CycleResult,
): Promise<string> {
  const to = join(folder, `seed-${plan.seed}-${plan.mode}-cycle-${plan.cycle}`);
  await mkdir(to, { recursive: true });
  const report = [
    describePlan(plan),
    "",
    "done:",
    ...actions.map((action) => `  ${action}`),
    "",
    "not as it must be:",
    ...violations.map((violation) => `  ${violation}`),
    "",
    `again: ${againCommand(plan)}`,
  ].join("\n");
  await writeFile(join(to, "report.txt"), `${report}\n`);
  await cp(join(stage.base, "logs"), join(to, "logs"), { recursive: true });
  await cp(join(stage.base, "source"), join(to, "source"), { recursive: true });
  // Without it the tables can't be read; the rest of the report is still worth having.
  await stage.withSql(async (sql) => {
    const tables = ["meteor", "ingestion_run", "ingestion_run_file", "source_file_member"];
    for (const table of tables) {
      const rows = await sql`select to_jsonb(t) as row from ${sql(table)} t`;
      const lines = rows.map(({ row }) => `${JSON.stringify(row)}\n`).join("");
      await writeFile(join(to, `${table}.jsonl`), lines);
    }
  }).catch(() => {});
  return to;
}

/** The command that carries the cycle out again. */
export function againCommand({ seed, mode, cycle }: CyclePlan): string {
  return `deno task chaos --seed ${seed} --mode ${mode} --from-cycle ${cycle} --cycles 1`;
}
