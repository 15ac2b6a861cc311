/**
 * Runs one of Apache Kafka's console tools to its end.
 */
import { spawn } from "node:child_process";
import type { JavaKafka } from "../install/java.ts";
import { javaArguments } from "./java_arguments.ts";

/** The scripts of Kafka's bin/ and the classes behind them. */
const CLASSES = {
  "topics": "org.apache.kafka.tools.TopicCommand",
  "configs": "org.apache.kafka.tools.ConfigCommand",
  "console-producer": "org.apache.kafka.tools.ConsoleProducer",
  "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
  "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
  "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
  "delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
} as const;

const DEADLINE_MS = 40_000;

/** Runs a tool; gives its standard output. Rejects with all it said when it failed; some tools say "Error:" and end with 0. */
export type RunTool = (
  tool: keyof typeof CLASSES,
  args: readonly string[],
  input?: string,
) => Promise<string>;

/** Makes the runner for a broker. */
export function toolRunner(java: JavaKafka, broker: string): RunTool {
  return (tool, args, input = "") =>
    new Promise((resolve, reject) => {
      const child = spawn("java", [
        ...[...javaArguments(java), CLASSES[tool], "--bootstrap-server", broker],
        ...args,
      ], { timeout: DEADLINE_MS, killSignal: "SIGKILL" });
      let output = "";
      let errors = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => output += text);
      child.stderr.setEncoding("utf8").on("data", (text: string) => errors += text);
      child.on("error", reject);
      child.on("close", (code, signal) => {
        const hasFailed = code !== 0 || /^Error: /m.test(output);
        if (!hasFailed) return resolve(output);
        const how = `kafka-${tool} ${args.join(" ")} ended with ${signal ?? code}`;
        reject(new Error(`${how}: ${output}${errors}`));
      });
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
}
