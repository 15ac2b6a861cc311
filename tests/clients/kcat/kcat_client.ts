/**
 * kcat as a `Client`: each thing done is a run of kcat, as in a shell script; members of groups run until they leave.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type {
  Client,
  GroupMember,
  Header,
  NewRecord,
  OpenClient,
  ProduceOptions,
  SeenRecord,
} from "../client.ts";
import { Inbox } from "../inbox.ts";

/** Between key and value; in no key of the suite's. */
const KEY_DELIMITER = "\x1f";
const RUN_DEADLINE_MS = 30_000;
const LEAVE_DEADLINE_MS = 10_000;

const CANNOT: Client["cannot"] = {
  topics: "kcat creates and deletes no topics",
  nulls: "kcat's -Z makes every empty key and value null",
  binary: "kcat's JSON output is text",
  seek: "kcat has no seek in a group; offsets are where it begins",
};

/** A line of `kcat -C -J`. */
interface JsonRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly payload: string | null;
  /** Names and values in turn. */
  readonly headers?: readonly (string | null)[];
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const bytesOf = (text: string | null): Uint8Array | null =>
  text === null ? null : encoder.encode(text);
const textOf = (bytes: Uint8Array | null): string => bytes === null ? "" : decoder.decode(bytes);

function toSeen(line: string): SeenRecord {
  const { partition, offset, key, payload, headers = [] } = JSON.parse(line) as JsonRecord;
  const pairs: Header[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    pairs.push([headers[at]!, bytesOf(headers[at + 1]!)]);
  }
  return { partition, offset, key: bytesOf(key), value: bytesOf(payload), headers: pairs };
}

/** Runs kcat to its end; gives its output. @throws Error with what it said when it failed */
function run(kcat: string, args: readonly string[], input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(kcat, args, { timeout: RUN_DEADLINE_MS });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => output += text);
    child.stderr.setEncoding("utf8").on("data", (text: string) => errors += text);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`kcat ${args.join(" ")} ended with ${signal ?? code}: ${errors}`));
    });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** Partition and headers are the same for all records of one run of kcat. */
function runsOf(records: readonly NewRecord[]): NewRecord[][] {
  const runs = Map.groupBy(
    records,
    ({ partition, headers }) =>
      JSON.stringify([partition, headers.map(([name, value]) => [name, value && textOf(value)])]),
  );
  return [...runs.values()];
}

async function produce(
  kcat: string,
  broker: string,
  topic: string,
  records: readonly NewRecord[],
  { compression, idempotent }: ProduceOptions,
): Promise<void> {
  for (const run_ of runsOf(records)) {
    const [{ partition, headers }] = run_ as [NewRecord];
    const lines = run_.map(({ key, value }) =>
      (key === null ? "" : textOf(key) + KEY_DELIMITER) + textOf(value) + "\n"
    );
    await run(kcat, [
      ...["-P", "-b", broker, "-t", topic, "-p", `${partition}`, "-K", KEY_DELIMITER, "-Z"],
      ...["-X", `compression.codec=${compression}`, "-X", `enable.idempotence=${idempotent}`],
      ...["-X", "linger.ms=20"],
      ...headers.flatMap((
        [name, value],
      ) => ["-H", value === null ? name : `${name}=${textOf(value)}`]),
    ], lines.join(""));
  }
}

class Member implements GroupMember {
  private readonly inbox = new Inbox();
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private isLeaving = false;

  constructor(kcat: string, broker: string, group: string, topic: string) {
    this.child = spawn(kcat, [
      ...["-b", broker, "-G", group, "-J", "-u"],
      ...["-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=6000"],
      ...["-X", "heartbeat.interval.ms=300", topic],
    ], { stdio: ["ignore", "pipe", "pipe"] });
    createInterface({ input: this.child.stdout! }).on(
      "line",
      (line) => this.inbox.put(toSeen(line)),
    );
    createInterface({ input: this.child.stderr! }).on("line", (line) => this.onRemark(line));
    this.ended = new Promise((resolve) => {
      this.child.on("error", (error) => this.inbox.fail(error));
      this.child.on("close", (code, signal) => {
        if (!this.isLeaving) this.inbox.fail(new Error(`kcat ended with ${signal ?? code}`));
        resolve();
      });
    });
  }

  /** `% Group g rebalanced (memberid …): assigned: t [0], t [1]`, or `revoked: …`. */
  private onRemark(line: string): void {
    const [, what, partitions] = /rebalanced .*: (assigned|revoked): (.*)$/.exec(line) ?? [];
    if (what === undefined) return;
    const numbers = [...partitions!.matchAll(/\[(\d+)\]/g)].map((match) => Number(match[1]));
    this.inbox.assign(what === "assigned" ? numbers : []);
  }

  poll() {
    return this.inbox.poll();
  }

  /** kcat commits what it has printed when it ends. */
  commit(): Promise<void> {
    return Promise.resolve();
  }

  seek(): Promise<void> {
    return Promise.reject(new Error(CANNOT.seek));
  }

  async leave(): Promise<void> {
    this.isLeaving = true;
    const timer = setTimeout(() => this.child.kill("SIGKILL"), LEAVE_DEADLINE_MS);
    this.child.kill("SIGTERM");
    await this.ended;
    clearTimeout(timer);
  }
}

/** kcat, by the name of its command. */
export function openKcat(kcat: string): OpenClient {
  return (broker) => {
    const members: Member[] = [];
    const client: Client = {
      cannot: CANNOT,
      createTopic: () => Promise.reject(new Error(CANNOT.topics)),
      deleteTopic: () => Promise.reject(new Error(CANNOT.topics)),
      async listTopics() {
        const listed = JSON.parse(await run(kcat, ["-L", "-J", "-b", broker])) as {
          topics: { topic: string }[];
        };
        return listed.topics.map(({ topic }) => topic);
      },
      produce: (topic, records, options) => produce(kcat, broker, topic, records, options),
      async read(topic, partition, offset, count) {
        const output = await run(kcat, [
          ...["-C", "-b", broker, "-t", topic, "-p", `${partition}`, "-o", `${offset}`],
          ...["-c", `${count}`, "-J", "-q"],
        ]);
        return output.split("\n").filter((line) => line !== "").map(toSeen);
      },
      async offsetForTime(topic, partition, timestamp_ms) {
        const output = await run(kcat, [
          "-Q",
          "-b",
          broker,
          "-t",
          `${topic}:${partition}:${timestamp_ms}`,
        ]);
        const offset = Number(/offset (-?\d+)/.exec(output)?.[1]);
        return offset < 0 ? null : offset;
      },
      join(group, topic) {
        const member = new Member(kcat, broker, group, topic);
        members.push(member);
        return Promise.resolve(member);
      },
      async close() {
        await Promise.all(members.map((member) => member.leave()));
      },
    };
    return Promise.resolve(client);
  };
}
