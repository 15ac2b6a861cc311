/**
 * (b), (d) The whole way: file ─parse, Avro─▶ topic of the embedded broker ─decode─▶ batches ─COPY, merge─▶ PostgreSQL, in one
 * process, until the last row is loaded. (d) is the same file once more: every row is there already.
 */
import process from "node:process";
import { openLocalFile } from "../../src/producer/source/local_directory.ts";
import { waitForRows } from "../../src/service/run_access.ts";
import { startBenchService } from "./service.ts";
import { measured } from "./usage.ts";

const file = process.env.BENCH_FILE!;
const { service } = await startBenchService(["producer", "consumer"]);
const { runs, store } = service.parts.running!;
const never = new AbortController().signal;
await measured(async () => {
  const { run } = await runs!.engine.upload({
    name: "bench.txt",
    requestedBy: "cli",
    open: (options) => openLocalFile(file, "bench.txt", options),
  });
  const state = await runs!.engine.waitFor(run.runId, never);
  if (state.status !== "completed") throw new Error(`the run ${state.status}: ${state.reason}`);
  await waitForRows(store.sql, state.nextOffsets, never);
});
await service.stop("measured");
process.exit(0);
