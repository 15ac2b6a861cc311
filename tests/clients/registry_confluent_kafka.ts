/**
 * The embedded schema registry as Python programs use it: confluent-kafka's client and its Avro serializers against it,
 * over HTTP.
 *
 *     deno run -A tests/clients/registry_confluent_kafka.ts
 *
 * Installs the client into a virtual environment of its own, in a temporary folder that goes afterwards; with
 * `CLIENT_PYTHON` set to a Python that has it, uses that. Where there is no Python or no client to be had, it says so
 * and ends with 0: skipped is not failed.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRegistryServer } from "../support/registry_server.ts";

const CLIENT = "confluent-kafka[avro,schemaregistry]==2.16.1";
const SCRIPT = new URL("./registry_confluent_kafka.py", import.meta.url).pathname;

/** Runs a command to its end; gives whether it succeeded, and what it said. */
function run(command: string, ...args: string[]): { ok: boolean; output: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  return { ok: status === 0, output: error === undefined ? `${stdout}${stderr}` : error.message };
}

/** A Python that has the client, or why there is none. */
function preparePython(directory: string): { python: string } | { missing: string } {
  const given = Deno.env.get("CLIENT_PYTHON");
  if (given !== undefined) return { python: given };
  const made = run("python3", "-m", "venv", directory);
  if (!made.ok) return { missing: `no Python with venv: ${lastLine(made.output)}` };
  const python = join(directory, "bin", "python");
  const installed = run(python, "-m", "pip", "install", "--quiet", CLIENT);
  if (!installed.ok) return { missing: `${CLIENT} not installed: ${lastLine(installed.output)}` };
  return { python };
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";

/** Runs the script against a fresh registry; gives its exit code. */
async function runScript(python: string): Promise<number> {
  const server = startRegistryServer();
  try {
    const child = new Deno.Command(python, { args: [SCRIPT, server.url] }).spawn();
    return (await child.status).code;
  } finally {
    await server.stop();
  }
}

const directory = mkdtempSync(join(tmpdir(), "registry-python-"));
let code = 0;
try {
  const prepared = preparePython(directory);
  if ("missing" in prepared) console.log(`SKIPPED registry_confluent_kafka: ${prepared.missing}`);
  else code = await runScript(prepared.python);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
if (code !== 0) console.error("FAILED registry_confluent_kafka");
Deno.exit(code);
