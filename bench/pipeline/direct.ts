/**
 * (a) The baseline: file ─parse─▶ batches ─COPY, merge─▶ PostgreSQL, with the service's own parser and loader and no log in
 * between. As in the service, each partition has a loader, so three batches are in the database at once while the next are read.
 */
import { createReadStream } from "node:fs";
import process from "node:process";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { createKeyPartitioner } from "@gmn/kafka-formats";
import { unobserved } from "../../src/observe/observe.ts";
import type { Lineage, TrajectoryUpsert } from "../../src/store/trajectory_batch.ts";
import { createTrajectoryLoader } from "../../src/store/trajectory_loader.ts";
import { readSummaryFile } from "../../src/trajectory/read_summary_file.ts";
import type { TrajectorySummary } from "../../src/trajectory/summary.ts";
import { measured } from "./usage.ts";

/** The same as in the consumer's lanes. */
const BATCH_ROWS = 5_000;
const { partitions, name: topic } = TRAJECTORY_SUMMARY_RAW;

/** One partition's loader and its current batch. */
class Direct {
  readonly #loader;
  #batch: TrajectoryUpsert[] = [];
  #next = 0n;
  #loading: Promise<unknown> = Promise.resolve();

  constructor(readonly partition: number, url: string) {
    this.#loader = createTrajectoryLoader({ url, observe: unobserved });
  }

  async take(summary: TrajectorySummary, lineage: Omit<Lineage, "offset">): Promise<void> {
    this.#batch.push({ summary, lineage: { ...lineage, offset: this.#next++ } });
    if (this.#batch.length >= BATCH_ROWS) await this.flush();
  }

  /** Waits for the previous batch, and begins to load this one. */
  async flush(): Promise<void> {
    await this.#loading;
    const changes = this.#batch;
    this.#batch = [];
    if (changes.length === 0) return;
    this.#loading = this.#loader.load({
      topic,
      partition: this.partition,
      firstOffset: changes[0]!.lineage.offset,
      nextOffset: changes.at(-1)!.lineage.offset + 1n,
      changes,
      dead: [],
    });
  }

  async finish(): Promise<void> {
    await this.flush();
    await this.#loading;
    await this.#loader.close();
  }
}

const [file, url] = [process.env.BENCH_FILE!, process.env.DATABASE_URL!];
await measured(async () => {
  const partitionOf = createKeyPartitioner(partitions);
  const lanes = Array.from({ length: partitions }, (_, partition) => new Direct(partition, url));
  const chunks = createReadStream(file, { highWaterMark: 64 * 1024 });
  for await (const { rows, generatedAt } of readSummaryFile(chunks)) {
    for (const { line, summary } of rows) {
      await lanes[partitionOf(summary.unique_trajectory_identifier)]!.take(summary, {
        sourceFile: "bench.txt",
        sourceLine: line,
        sourceGeneratedAt: generatedAt,
        runId: "bench",
      });
    }
  }
  await Promise.all(lanes.map((lane) => lane.finish()));
});
