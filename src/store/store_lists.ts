/** The small lists of the data store: its showers and its stations. Their schemas are those of the API's responses. */
import { z } from "zod";
import type { TransactionSql } from "./connection.ts";
import { isoMillis } from "./iso_times.ts";

export const showerSchema = z.object({
  number: z.int().meta({ description: "IAU number; provisional ones start at 9001." }),
  code: z.string().nullable(),
  name: z.string().nullable(),
});

/** The showers, by number, after the number `after`. */
export async function listShowers(
  sql: TransactionSql,
  { limit, after }: { readonly limit: number; readonly after: number | null },
): Promise<z.infer<typeof showerSchema>[]> {
  return await sql<z.infer<typeof showerSchema>[]>`
    select number, code, name from iau_shower
    ${after === null ? sql`` : sql`where number > ${after}::int`}
    order by number limit ${limit}`;
}

export const stationSchema = z.object({
  code: z.string(),
  country_code: z.string(),
  created_at: z.string().meta({ description: "When its first meteor was stored here." }),
});

/** The stations, by code, after the code `after`; of one country if it is given. */
export async function listStations(
  sql: TransactionSql,
  page: { readonly limit: number; readonly after: string | null; readonly country: string | null },
): Promise<z.infer<typeof stationSchema>[]> {
  const { limit, after, country } = page;
  return await sql<z.infer<typeof stationSchema>[]>`
    select code, country_code, ${sql.unsafe(isoMillis("created_at"))} as created_at
    from station where true
    ${after === null ? sql`` : sql`and code > ${after}`}
    ${country === null ? sql`` : sql`and country_code = ${country}`}
    order by code limit ${limit}`;
}
