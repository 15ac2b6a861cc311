/**
 * Clients that Debian packages: kcat, and confluent-kafka for the system's Python, both on Debian's librdkafka (2.0.2 in
 * Debian 12: old enough to decide by version tables what a broker can do).
 */
import { type CommandResult, lastLine, runCommand } from "./command.ts";
import type { Installed } from "./installed.ts";

/** Debian's own Python, whatever other Python is first on the PATH. */
const SYSTEM_PYTHON = "/usr/bin/python3";
const SAY_VERSIONS = "import confluent_kafka as c; print(c.version()[0], c.libversion()[0])";

/** Another suite beside this one may be installing something: it is waited for, two minutes at most. */
const WAIT_FOR_LOCK = ["-o", "DPkg::Lock::Timeout=120"];

/** Installs a Debian package. Needs root and apt-get. */
export async function installPackage(name: string): Promise<CommandResult> {
  if (process.getuid?.() !== 0) {
    return { ok: false, output: `not root: apt-get install ${name} would bring it` };
  }
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]) => runCommand("apt-get", [...WAIT_FOR_LOCK, ...args], { env });
  const install = () => apt("install", "-y", "-q", "--no-install-recommends", name);
  const result = await install();
  if (result.ok) return result;
  // The list of packages may be missing or old.
  const updated = await apt("update", "-q");
  return updated.ok ? await install() : updated;
}

/** Runs a command that says its version; installs the package and tries again when it can't. */
export async function askOrInstall(
  name: string,
  command: string,
  args: readonly string[],
): Promise<CommandResult> {
  const asked = await runCommand(command, args);
  if (asked.ok) return asked;
  const installed = await installPackage(name);
  return installed.ok ? await runCommand(command, args) : installed;
}

/** kcat, named with the librdkafka it uses. */
export async function installKcat(): Promise<Installed<{ kcat: string }>> {
  const { ok, output } = await askOrInstall("kcat", "kcat", ["-V"]);
  if (!ok) return { label: "kcat", missing: lastLine(output) };
  const version = /Version (\S+)/.exec(output)?.[1];
  const library = /librdkafka (\S+)/.exec(output)?.[1];
  return { label: `kcat ${version} (librdkafka ${library})`, kcat: "kcat" };
}

/** Debian's confluent-kafka, named with the librdkafka it uses. */
export async function installDebianPython(): Promise<Installed<{ python: string }>> {
  const label = "Python confluent-kafka of Debian";
  const { ok, output } = await askOrInstall("python3-confluent-kafka", SYSTEM_PYTHON, [
    "-c",
    SAY_VERSIONS,
  ]);
  if (!ok) return { label, missing: lastLine(output) };
  const [version, library] = output.trim().split(" ");
  return { label: `${label}, ${version} (librdkafka ${library})`, python: SYSTEM_PYTHON };
}
