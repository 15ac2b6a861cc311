/** The IAU shower list, from a file through the topic into the tables, beside the showers that the data has. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  append,
  passed,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { until } from "../support/poll.ts";
import { startTestService } from "../support/service.ts";
import { summaryOf } from "../support/trajectories.ts";

/** It starts a whole service twice. */
const TEST_MS = 60_000;

/** A line of the layout of 2007. */
const line = (number: string, code: string, name: string) =>
  ["0", number, "000", code, name, "annual", "1", ...Array(21).fill("")]
    .map((cell) => `"${cell}"`).join("|");
const LIST = `: a list\n${line("00004", "GEM", "Geminids")}\n${line("00187", "PCA", "psi Cas")}\n`;

test(
  "gives names to the showers of the data, has the last word on their codes, and is in /status",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "gmn-list-"));
    try {
      const file = join(folder, "list.txt");
      await writeFile(file, LIST);
      await using whole = await startTestService({
        withSchedule: true,
        sample: null,
        environment: { IAU_SHOWER_URL: file },
      });
      const { sql } = whole.database;
      const id = await registerSchema(whole, PYTHON_SCHEMA);
      const meteor = (n: number, iau_no: number, iau_code: string) => ({
        key: null,
        value: wire(id, pythonBody(summaryOf(`20260101000000_shwr${n}`, { iau_no, iau_code }))),
      });
      const send = async (...messages: ReturnType<typeof meteor>[]) =>
        await passed(sql, await append(whole.kafka, messages));
      await send(meteor(1, 4, "GMX"), meteor(2, 9001, "M24U1"));
      const showers = () => sql`select number, code, name from iau_shower order by number`;
      await until("the list is in the tables", async () => (await showers()).length === 3);
      await send(meteor(3, 4, "GMY"), meteor(4, 187, "PCX"), meteor(5, 9001, "M24U2"));
      expect(await showers()).toEqual([
        { number: 4, code: "GEM", name: "Geminids" },
        { number: 187, code: "PCA", name: "psi Cas" },
        { number: 9001, code: "M24U2", name: null },
      ]);
      const fetched = await whole.next("showers.fetched");
      expect(fetched).toMatchObject({ showers: 2, changed: 2, rejected: 0 });
      expect(await (await whole.api("/status")).json()).toMatchObject({
        shower_list: { address: file, fetched_at: expect.any(String), showers: 2, note: null },
      });

      // Known and fetched: a restart asks nobody.
      await rm(file);
      await whole.restart();
      const { shower_list } = await (await whole.api("/status")).json() as {
        shower_list: { note: string | null };
      };
      expect(shower_list.note).toBeNull();
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  TEST_MS,
);
