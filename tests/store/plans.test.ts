/**
 * The loader's statements are planned when an import begins, and the plan is kept. It must look rows up by index, whatever
 * the planner knows about tables that are still empty. Otherwise each batch would take longer than the previous one.
 */
import { expect, test } from "vitest";
import { MERGE_METEORS, SESSION_SETTINGS, WITHDRAW_METEORS } from "../../src/store/merge.ts";
import { CONFIRM_METEORS } from "../../src/store/confirmations.ts";
import { FIND_KNOWN_LINES } from "../../src/store/known_lines.ts";
import { FIND_REPEATS } from "../../src/store/repeats.ts";
import { CREATE_STAGE } from "../../src/store/stage.ts";
import { createTestDatabase } from "../support/postgres.ts";

const STATEMENTS = {
  MERGE_METEORS,
  FIND_REPEATS,
  WITHDRAW_METEORS,
  CONFIRM_METEORS,
  FIND_KNOWN_LINES,
};

test.each(["never vacuumed", "vacuumed while empty"])("in a database %s", async (state) => {
  await using database = await createTestDatabase();
  if (state !== "never vacuumed") await database.sql`vacuum (analyze)`;
  for (const [name, statement] of Object.entries(STATEMENTS)) {
    const plan = await database.sql.begin(async (sql) => {
      for (const [setting, value] of Object.entries(SESSION_SETTINGS)) {
        await sql`select set_config(${setting}, ${value}, true)`;
      }
      await sql.unsafe(CREATE_STAGE);
      const rows = await sql.unsafe(`explain (generic_plan) ${statement}`);
      await sql.unsafe("drop table meteor_stage");
      return rows.map((row) => String(row["QUERY PLAN"]));
    });
    const lookUps = plan.flatMap((line, at) =>
      /Scan using meteor_pkey on meteor( |$)/.test(line) ? [plan[at + 1]] : []
    );
    expect(lookUps.length, `${name} looks meteors up\n${plan.join("\n")}`).toBeGreaterThan(0);
    for (const line of lookUps) expect(line, plan.join("\n")).toMatch(/Index Cond: \(+id = /);
  }
});
