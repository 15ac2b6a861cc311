/**
 * Apache Kafka's own jars, from Maven Central: the Java client, the console tools, and the broker for `deno task test:kafka`;
 * and the suite's driver for the client, compiled.
 */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lastLine, runCommand } from "./command.ts";
import { installPackage } from "./debian.ts";
import { cached, type Installed } from "./installed.ts";

/** The version of client, tools and broker. */
export const KAFKA_VERSION = "4.4.0";
/** Without a binding of slf4j the tools would hide their errors. */
const SLF4J_VERSION = "1.7.36";
const DRIVER = new URL("../java/Driver.java", import.meta.url).pathname;

/** Where the jars and the compiled driver are. */
export interface JavaKafka {
  readonly jars: string;
  readonly driverClasses: string;
}

/** The jars, downloaded when they are not there yet. @throws Error when they can't be had */
export async function kafkaJars(): Promise<string> {
  return join(await cached(`kafka-${KAFKA_VERSION}`, download), "lib");
}

async function ensureCommand(command: string, args: string[], debianPackage: string) {
  if ((await runCommand(command, args)).ok) return;
  const installed = await installPackage(debianPackage);
  if (!installed.ok) throw new Error(`no ${command}: ${lastLine(installed.output)}`);
}

async function download(directory: string): Promise<void> {
  await ensureCommand("javac", ["-version"], "default-jdk-headless");
  await ensureCommand("mvn", ["-version"], "maven");
  const dependency = (group: string, artifact: string, version: string) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId>` +
    `<version>${version}</version></dependency>`;
  await writeFile(
    join(directory, "pom.xml"),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>` +
      `<groupId>conformance</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>` +
      dependency("org.apache.kafka", "kafka_2.13", KAFKA_VERSION) +
      dependency("org.apache.kafka", "kafka-tools", KAFKA_VERSION) +
      dependency("org.slf4j", "slf4j-simple", SLF4J_VERSION) +
      `</dependencies></project>`,
  );
  const arguments_ = ["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"];
  const { ok, output } = await runCommand("mvn", arguments_, { cwd: directory });
  if (!ok) throw new Error(`mvn dependency:copy-dependencies: ${lastLine(output)}`);
}

/** The Java client with its driver, and the console tools. */
export async function installJava(): Promise<Installed<JavaKafka>> {
  const label = `Java client ${KAFKA_VERSION}`;
  try {
    const jars = await kafkaJars();
    const hash = createHash("sha256").update(await readFile(DRIVER)).digest("hex").slice(0, 12);
    const driverClasses = await cached(
      `java-driver-${KAFKA_VERSION}-${hash}`,
      async (directory) => {
        const { ok, output } = await runCommand("javac", [
          ...["-Xlint:all", "-Werror", "-cp", `${jars}/*`, "-d", directory],
          DRIVER,
        ]);
        if (!ok) throw new Error(`javac: ${output}`);
      },
    );
    return { label, jars, driverClasses };
  } catch (error) {
    return { label, missing: lastLine(String(error)) };
  }
}
