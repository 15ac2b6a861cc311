/**
 * A stand-in for the `docker` client with an engine behind it: `info`, and of `compose` what this project uses. A container is
 * the stand-in Redpanda on the ports that compose.yaml publishes, configured by the file that compose.yaml has in it.
 *
 * Arguments: a folder for its state, then docker's own. The state tells how to behave (`engine.json`), what was asked
 * (`asked.jsonl`), and which process the container is (`container.json`).
 */
import { spawn } from "node:child_process";
import { appendFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { stringify } from "@std/yaml/stringify.js";
import { parse } from "@std/yaml/parse.js";
import { freePort } from "@gmn/engines";

/** How the engine is. */
export interface Engine {
  /** false: only the client is there. */
  readonly answers: boolean;
  /** The registry can't be reached. */
  readonly pullFails?: boolean;
  /** The stand-in Redpanda's program. */
  readonly redpanda: string;
}

interface Container {
  readonly pid: number;
  readonly ports: Readonly<Record<string, string>>;
}

const [folder = "", ...args] = process.argv.slice(2);
const engine = JSON.parse(await readFile(join(folder, "engine.json"), "utf8")) as Engine;
const containerFile = join(folder, "container.json");
await appendFile(join(folder, "asked.jsonl"), `${JSON.stringify(args)}\n`);

function refuse(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

async function runningContainer(): Promise<Container | null> {
  try {
    const container = JSON.parse(await readFile(containerFile, "utf8")) as Container;
    return await isAlive(container.pid) ? container : null;
  } catch {
    return null;
  }
}

async function isAlive(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")) !== "";
}

/** compose.yaml with its variables filled in, as far as `${NAME:-default}` goes. */
async function readCompose(file: string): Promise<Record<string, Record<string, unknown>>> {
  const text = (await readFile(file, "utf8")).replaceAll(
    /\$\{([A-Z_]+):-([^}]*)\}/g,
    (_, name, fallback) => process.env[name] || fallback,
  );
  return parse(text) as Record<string, Record<string, unknown>>;
}

interface Service {
  readonly entrypoint: string[];
  readonly command: string[];
  readonly ports: string[];
}

/** Starts the stand-in where the container would be: the same configuration, on this machine's ports. */
async function up(file: string): Promise<void> {
  if (await runningContainer() !== null) return;
  process.stderr.write(" redpanda Pulling \n 3f4e5d Downloading [==>   ]  12MB/123MB\n");
  if (engine.pullFails === true) refuse(" redpanda Error Get registry: dial tcp: no such host");
  process.stderr.write(" redpanda Pulled \n Container redpanda-1  Started \n");
  const { services, configs } = await readCompose(file);
  const service = services!.redpanda as Service;
  if (service.entrypoint[0] !== "/opt/redpanda/bin/redpanda") refuse("not Redpanda's program");
  const ports: Record<string, string> = {};
  for (const published of service.ports) {
    const [host, outside, inside] = published.split(":");
    if (host !== "127.0.0.1") refuse(`${published} is published to the world`);
    ports[inside!] = outside!;
  }
  const conf = join(folder, "conf");
  await mkdir(conf, { recursive: true });
  const content = (name: string) => (configs![name] as { content: string }).content;
  await writeFile(join(conf, ".bootstrap.yaml"), content("bootstrap"));
  await writeFile(
    join(conf, "redpanda.yaml"),
    // The RPC listener is inside the container; out here it must not take somebody else's port.
    outsideOf(content("redpanda"), ports, await freePort()),
  );
  const flags = service.command.map((flag) =>
    flag === "/etc/gmn-redpanda/redpanda.yaml" ? join(conf, "redpanda.yaml") : flag
  );
  // The shell becomes the container, with its output in a file that outlives this client.
  const script = 'log="$1"; shift; exec "$@" >>"$log" 2>&1';
  const child = spawn("/bin/sh", [
    "-c",
    script,
    "sh",
    join(folder, "log"),
    engine.redpanda,
    ...flags,
  ], {
    detached: true,
    stdio: "ignore",
  });
  child.unref();
  // Renamed: a test that looks for it finds all of it.
  await writeFile(`${containerFile}.new`, JSON.stringify({ pid: child.pid, ports }));
  await rename(`${containerFile}.new`, containerFile);
}

/** Inside a container the listeners are at other addresses than outside; here there is no inside. */
function outsideOf(yaml: string, ports: Readonly<Record<string, string>>, rpcPort: number): string {
  const configuration = parse(yaml) as {
    redpanda: Record<string, unknown>;
    schema_registry: Record<string, unknown>;
  };
  const at = (inside: number) => ({ address: "127.0.0.1", port: Number(ports[String(inside)]) });
  const node = configuration.redpanda;
  const advertised = (node.advertised_kafka_api as { name: string; port: number }[])
    .find(({ name }) => name === "host");
  if (advertised?.port !== at(9092).port) refuse("the advertised port is not the published one");
  const rpc = { address: "127.0.0.1", port: rpcPort };
  return stringify({
    redpanda: {
      ...node,
      data_directory: join(folder, "volume"),
      rpc_server: rpc,
      advertised_rpc_api: rpc,
      kafka_api: [at(9092)],
      advertised_kafka_api: [at(9092)],
      admin: [at(9644)],
    },
    schema_registry: { schema_registry_api: [at(8081)] },
  });
}

async function stop(): Promise<void> {
  const container = await runningContainer();
  if (container === null) return;
  process.kill(container.pid, "SIGTERM");
  while (await isAlive(container.pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  await rm(containerFile);
}

async function compose(options: string[]): Promise<void> {
  if (options[0] === "version") return void process.stdout.write("2.40.0\n");
  const file = options[options.indexOf("--file") + 1]!;
  if (!options.includes("--project-name")) refuse("no project");
  const container = await runningContainer();
  if (options.includes("up")) return await up(file);
  if (options.includes("stop")) return await stop();
  if (options.includes("ps")) {
    return void process.stdout.write(container === null ? "" : "c0ffee\n");
  }
  if (options.includes("port") && container !== null) {
    return void process.stdout.write(`127.0.0.1:${container.ports[options.at(-1)!]}\n`);
  }
  if (options.includes("logs")) {
    return void process.stdout.write(await readFile(join(folder, "log"), "utf8").catch(() => ""));
  }
  refuse(`docker compose ${options.join(" ")}: not stood in for`);
}

if (args[0] === "info") {
  if (!engine.answers) {
    refuse("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.");
  }
  process.stdout.write("28.2.2\n");
} else if (args[0] === "compose") await compose(args.slice(1));
else refuse(`docker ${args.join(" ")}: not stood in for`);
// The container outlives its client.
process.exit(0);
