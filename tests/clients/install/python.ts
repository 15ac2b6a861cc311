/**
 * Python's confluent-kafka as it is today, with its schema registry client, in a virtual environment of its own.
 */
import { join } from "node:path";
import { lastLine, runCommand } from "./command.ts";
import { installPackage } from "./debian.ts";
import { cached, type Installed } from "./installed.ts";

const VERSION = "2.16.1";
const SAY_VERSION = "import confluent_kafka as c; print(c.libversion()[0])";

/** confluent-kafka from PyPI, named with the librdkafka it brings. */
export async function installPython(): Promise<Installed<{ python: string }>> {
  const label = `Python confluent-kafka ${VERSION}`;
  try {
    const directory = await cached(`confluent-kafka-${VERSION}`, makeEnvironment);
    const python = join(directory, "bin", "python");
    const { ok, output } = await runCommand(python, ["-c", SAY_VERSION]);
    if (!ok) return { label, missing: lastLine(output) };
    return { label: `${label} (librdkafka ${output.trim()})`, python };
  } catch (error) {
    return { label, missing: lastLine(String(error)) };
  }
}

async function makeEnvironment(directory: string): Promise<void> {
  // Of all in it only bin/python is used, which does not mind that the folder is renamed afterwards.
  const make = () => runCommand("python3", ["-m", "venv", directory]);
  let made = await make();
  // Debian's Python comes without it.
  if (!made.ok && (await installPackage("python3-venv")).ok) made = await make();
  if (!made.ok) throw new Error(`python3 -m venv: ${lastLine(made.output)}`);
  const installed = await runCommand(join(directory, "bin", "python"), [
    ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
    `confluent-kafka[avro,schemaregistry]==${VERSION}`,
  ]);
  if (!installed.ok) throw new Error(`pip install: ${lastLine(installed.output)}`);
}
