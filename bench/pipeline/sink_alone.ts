/**
 * (c) The sink alone: a full topic of the embedded broker ─decode─▶ batches ─COPY, merge─▶ an empty PostgreSQL. Measured from
 * the first partition's assignment: joining the group takes the same time whatever the topic contains.
 */
import process from "node:process";
import { wait } from "@gmn/failures";
import { startSink } from "../../src/consumer/sink.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { createSinks } from "../../src/service/sinks.ts";
import { readOffsets } from "../../src/store/consumer_offsets.ts";
import { startBenchService } from "./service.ts";
import { measured } from "./usage.ts";

const LOOK_INTERVAL_MS = 50;
const topic = TRAJECTORY_SUMMARY_RAW.name;

const { service, observer } = await startBenchService([]);
const { log, store } = service.parts.running!;
const marks = (await log.probe.watermarks([topic])).get(topic)!;
const assigned = new Promise<void>((resolve) =>
  observer.listen(({ name, detail }) => {
    if (name === "sink.assigned" && "topic" in detail && detail.topic === topic) resolve();
  })
);
const { observe } = observer;
const { sql } = store;
const { sinks, close } = createSinks({
  observe,
  sql,
  databaseUrl: service.addresses.databaseUrl,
  log,
});
const subscription = startSink({ kafka: log.kafka, sql, sinks, observe });
await assigned;
await measured(async () => {
  for (;;) {
    const stored = await readOffsets(sql, topic);
    if ([...marks].every(([partition, { high }]) => (stored.get(partition) ?? 0n) >= high)) return;
    await wait(LOOK_INTERVAL_MS);
  }
});
await subscription.stop();
await close();
await service.stop("measured");
process.exit(0);
