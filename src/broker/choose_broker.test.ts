import { expect, test } from "vitest";
import { hintOf, PermanentError } from "@gmn/failures";
import {
  type BrokerChoice,
  type BrokerProbes,
  type BrokerSetting,
  chooseBroker,
} from "./choose_broker.ts";
import type { LocalKind } from "./log_home.ts";

interface Machine {
  readonly home?: LocalKind;
  readonly redpanda?: boolean;
  readonly docker?: boolean;
}

/** Probes of an imaginary machine, which record the questions in `asked`. */
function probesOf({ home, redpanda, docker }: Machine, asked: string[] = []): BrokerProbes {
  const answer = <Answer>(name: string, given: Answer) => () => {
    asked.push(name);
    return Promise.resolve(given);
  };
  return {
    logHome: answer("home", home ?? null),
    findRedpanda: answer(
      "redpanda",
      redpanda === true ? { path: "/usr/bin/redpanda", form: "redpanda" as const } : null,
    ),
    askDocker: answer("docker", docker === true ? "28.2.2" : null),
  };
}

const choose = (
  broker: BrokerSetting,
  machine: Machine,
  kafkaBrokers: string[] | null = null,
): Promise<BrokerChoice> => chooseBroker({ broker, kafkaBrokers }, probesOf(machine));

const EVERYTHING: Machine = { redpanda: true, docker: true };

test.each<[string, BrokerSetting, Machine, string[] | null, string, RegExp]>([
  ["nothing found", "auto", {}, null, "embedded", /no KAFKA_BROKERS, no Redpanda .*, no Docker/],
  ["a cluster set", "auto", EVERYTHING, ["a:9092"], "external", /KAFKA_BROKERS is set/],
  ["Redpanda installed", "auto", EVERYTHING, null, "redpanda", /\/usr\/bin\/redpanda is there/],
  ["a Docker engine", "auto", { docker: true }, null, "docker", /Docker 28\.2\.2 answers/],
  ["existing log", "auto", { ...EVERYTHING, home: "embedded" }, null, "embedded", /kept by it/],
  ["a log in Docker", "auto", { ...EVERYTHING, home: "docker" }, null, "docker", /kept by it/],
  ["a cluster, though a log is here", "auto", { home: "embedded" }, ["a:1"], "external", /is set/],
  ["external asked for", "external", EVERYTHING, ["a:9092"], "external", /BROKER=external/],
  ["embedded asked for", "embedded", EVERYTHING, null, "embedded", /BROKER=embedded/],
  ["Docker asked for", "docker", { ...EVERYTHING, home: "embedded" }, null, "docker", /=docker/],
  ["Redpanda asked for", "redpanda", EVERYTHING, null, "redpanda", /BROKER=redpanda/],
])("%s: BROKER=%s", async (_, broker, machine, kafkaBrokers, kind, reason) => {
  const choice = await choose(broker, machine, kafkaBrokers);
  expect(choice.kind).toBe(kind);
  expect(choice.reason).toMatch(reason);
});

test.each<[BrokerSetting, Machine, RegExp, RegExp]>([
  ["redpanda", {}, /BROKER=redpanda: no Redpanda/, /REDPANDA_BIN/],
  ["docker", { redpanda: true }, /BROKER=docker: no Docker engine/, /docker info/],
  ["auto", { home: "docker", redpanda: true }, /log is kept by it \(docker\)/, /BROKER=embedded/],
  ["auto", { home: "redpanda", docker: true }, /log is kept by it \(redpanda\)/, /empty log/],
])("BROKER=%s is refused when it is unavailable (%o)", async (broker, machine, message, hint) => {
  const error = await choose(broker, machine).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PermanentError);
  expect((error as Error).message).toMatch(message);
  expect(hintOf(error)).toMatch(hint);
});

test("runs only the probes that it needs: a Docker engine that hangs costs seconds", async () => {
  const asked: string[] = [];
  await chooseBroker({ broker: "embedded", kafkaBrokers: null }, probesOf(EVERYTHING, asked));
  await chooseBroker({ broker: "auto", kafkaBrokers: ["a:9092"] }, probesOf(EVERYTHING, asked));
  expect(asked).toEqual([]);
  await chooseBroker({ broker: "auto", kafkaBrokers: null }, probesOf(EVERYTHING, asked));
  expect(asked).toEqual(["home", "redpanda"]);
});
