/**
 * The producer's ports in memory: a log to publish to, a journal of runs and the history folded from it.
 *
 * Everything goes through its real encoding, so what a test reads back is what a consumer would.
 */
import avro from "avsc";
import type { DeadLetter } from "../../src/dead_letters/dead_letter.ts";
import type {
  NextOffsetByPartition,
  OutgoingRecord,
  Publisher,
} from "../../src/events/publisher.ts";
import { DEAD_LETTER, type Topic, TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { schemaText } from "../../src/events/schema_files.ts";
import { createValueCodec } from "../../src/events/wire_values.ts";
import type { RunHistory, RunJournal } from "../../src/producer/ports.ts";
import { isFinished } from "../../src/runs/run.ts";
import { foldRuns } from "../support/fold_runs.ts";
import type { FileIdentity, RunEvent } from "../../src/runs/run_event.ts";
import { fromRecord, type RunEventRecord, toRecord } from "../../src/runs/run_event_record.ts";

const runEventType = avro.Type.forSchema(JSON.parse(schemaText("ingestion_run_event.avsc")));
const deadLetterCodec = createValueCodec<DeadLetter>(DEAD_LETTER);

/** May fail or delay an operation before it happens (`before`) or after (`after`: the acknowledgement is lost). */
export type Fault = (what: "publish" | "journal", when: "before" | "after") => void | Promise<void>;

export interface MemoryLog {
  /** Records of `trajectory_summary_raw`, by partition, in order. */
  readonly partitions: OutgoingRecord[][];
  readonly deadLetters: DeadLetter[];
  readonly events: RunEvent[];
  readonly publisher: Publisher;
  readonly journal: RunJournal;
  readonly history: RunHistory;
  fault: Fault;
  /** Ids of all records so far, duplicates included. */
  ids(): string[];
}

export function createMemoryLog(): MemoryLog {
  const partitions: OutgoingRecord[][] = [[], [], []];
  const deadLetters: DeadLetter[] = [];
  const events: RunEvent[] = [];

  const publish = async (topic: Topic, records: readonly OutgoingRecord[]) => {
    await log.fault("publish", "before");
    const next = new Map<number, bigint>();
    for (const record of records) {
      if (topic === TRAJECTORY_SUMMARY_RAW) {
        const partition = (record.key ?? "").charCodeAt(15) % 3;
        partitions[partition].push(record);
        next.set(partition, BigInt(partitions[partition].length));
      } else if (topic === DEAD_LETTER && record.value !== null) {
        deadLetters.push(deadLetterCodec.decode(record.value, schemaText(DEAD_LETTER.schemaFile)));
      }
    }
    await log.fault("publish", "after");
    return next as NextOffsetByPartition;
  };
  const publisher: Publisher = {
    publish,
    publishEach: () => Promise.reject(new Error("the producer asks for no single offsets")),
    schemaId: () => 1,
    partitionOf: (_topic, key) => key.charCodeAt(15) % 3,
    close: () => Promise.resolve(),
  };

  const log: MemoryLog = {
    partitions,
    deadLetters,
    events,
    publisher,
    journal: {
      async append(event) {
        await log.fault("journal", "before");
        const bytes = runEventType.toBuffer(toRecord(event));
        const back = fromRecord(runEventType.fromBuffer(bytes) as RunEventRecord);
        if (back === null) throw new Error(`${event.type} does not survive its record`);
        events.push(back);
        await log.fault("journal", "after");
      },
    },
    history: {
      unfinished: () =>
        Promise.resolve([...foldRuns(events).values()].filter((run) => !isFinished(run))),
      requested: () =>
        Promise.resolve(
          [...foldRuns(events).values()].filter(({ status, kind }) =>
            status === "requested" && kind !== "upload"
          ),
        ),
      ended: (ids) =>
        Promise.resolve(
          [...foldRuns(events).values()].filter((run) =>
            ids.includes(run.runId) && isFinished(run)
          ),
        ),
      find: (runId) => Promise.resolve(foldRuns(events).get(runId) ?? null),
      identities: (paths) => Promise.resolve(identities(events, new Set(paths))),
      findByIdempotencyKey: (key) =>
        Promise.resolve(
          [...foldRuns(events).values()].find((run) => run.idempotencyKey === key) ?? null,
        ),
    },
    fault: () => {},
    ids: () => partitions.flat().map((record) => record.key ?? ""),
  };
  return log;
}

function identities(events: readonly RunEvent[], paths: ReadonlySet<string>) {
  const found = new Map<string, FileIdentity>();
  for (const event of events) {
    if (event.type !== "file_extracted" && event.type !== "file_skipped") continue;
    if (event.identity !== undefined && paths.has(event.file)) {
      found.set(event.file, event.identity);
    }
  }
  return found;
}
