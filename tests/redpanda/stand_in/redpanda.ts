/**
 * A stand-in for Redpanda: takes its command line and its files, refuses what is not documented, and serves the embedded broker
 * behind the ports that it was given. First argument: a file that says how to behave (`Behaviour`), then Redpanda's own.
 */
import { access, appendFile, mkdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import process from "node:process";
import { parse } from "@std/yaml/parse.js";
import { startEmbeddedBroker } from "@gmn/embedded-broker";
import { explain } from "@gmn/failures";
import type { Behaviour } from "./behaviour.ts";
import {
  assertDocumented,
  BROKER_FLAGS,
  CLUSTER_PROPERTIES,
  NODE_PROPERTIES,
  REGISTRY_PROPERTIES,
  RPK_FLAGS,
  SWITCHES,
} from "./documented.ts";

const GIB = 1 << 30;
const LOOK_INTERVAL_MS = 20;

/** As Seastar writes its log: level, time, shard, logger. */
function say(level: "INFO" | "WARN" | "ERROR", text: string): void {
  process.stderr.write(
    `${level.padEnd(5)} ${
      new Date().toISOString().slice(0, 23).replace("T", " ")
    } [shard 0:main] main - ${text}\n`,
  );
}

// Redpanda goes on when nobody reads its log: whoever did was killed.
process.stderr.on("error", () => {});

function fail(text: string): never {
  say("ERROR", text);
  process.exit(1);
}

/** `--flag value`, `--flag=value`, `--switch`. */
function readFlags(args: readonly string[], known: ReadonlySet<string>): Map<string, string> {
  const flags = new Map<string, string>();
  for (let at = 0; at < args.length; at++) {
    const [, name = "", given] = /^--([a-z-]+)(?:=(.*))?$/.exec(args[at]!) ?? [];
    if (!known.has(name)) fail(`error: unrecognised option '${args[at]}'`);
    const value = given ?? (SWITCHES.has(name) ? "true" : args[++at]);
    if (value === undefined) fail(`error: the required argument for option '--${name}' is missing`);
    flags.set(name, value);
  }
  return flags;
}

/** Bytes of Seastar's `1200M`. */
function bytesOf(size: string): number {
  const [, digits, unit] = /^(\d+)([MG])$/.exec(size) ?? fail(`error: can't parse '${size}'`);
  return Number(digits) * (unit === "G" ? GIB : 1 << 20);
}

function checkMemory(flags: ReadonlyMap<string, string>, behaviour: Behaviour): void {
  const wanted = bytesOf(flags.get("memory") ?? fail("no --memory: all of the machine's is taken"));
  const available = behaviour.availableMemory ?? 8 * GIB;
  if (wanted > available) {
    fail(
      `Could not initialize seastar: std::runtime_error (insufficient physical memory: needed ${wanted} available ${available})`,
    );
  }
  if (wanted < GIB) {
    fail(
      `Failure during startup: std::runtime_error (Memory: '${wanted}' below recommended: '${GIB}')`,
    );
  }
}

interface Listeners {
  readonly kafka: number;
  readonly registry: number;
  readonly admin: number;
  readonly rpc: number;
}

async function readConfiguration(file: string): Promise<{ data: string; ports: Listeners }> {
  const yaml = parse(await readFile(file, "utf8")) as Record<string, unknown>;
  const unknown = Object.keys(yaml).find((key) => key !== "redpanda" && key !== "schema_registry");
  if (unknown !== undefined) throw new Error(`redpanda.yaml: unexpected section ${unknown}`);
  const node = assertDocumented(yaml.redpanda, NODE_PROPERTIES, "redpanda");
  const registry = assertDocumented(yaml.schema_registry, REGISTRY_PROPERTIES, "schema_registry");
  if (node.developer_mode !== false) throw new Error("developer_mode: fsync would be bypassed");
  assertDocumented(
    parse(await readFile(join(dirname(file), ".bootstrap.yaml"), "utf8")),
    CLUSTER_PROPERTIES,
    ".bootstrap.yaml",
  );
  const port = (addresses: unknown) =>
    ((Array.isArray(addresses) ? addresses[0] : addresses) as { port: number }).port;
  for (
    const [listener, advertised] of [
      ["kafka_api", "advertised_kafka_api"],
      ["rpc_server", "advertised_rpc_api"],
    ] as const
  ) {
    if (port(node[listener]) !== port(node[advertised])) {
      throw new Error(`${listener} listens at one port and advertises another`);
    }
  }
  return {
    data: node.data_directory as string,
    ports: {
      kafka: port(node.kafka_api),
      registry: port(registry.schema_registry_api),
      admin: port(node.admin),
      rpc: port(node.rpc_server),
    },
  };
}

/** The admin API: the HTTP status is 200 whatever the state. */
function serveAdmin(port: number, isReady: () => boolean): void {
  Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    (request) =>
      new URL(request.url).pathname === "/v1/status/ready"
        ? Response.json({ status: isReady() ? "ready" : "booting" })
        : new Response(null, { status: 404 }),
  );
}

async function isThere(file: string): Promise<boolean> {
  return await access(file).then(() => true, () => false);
}

async function main(behaviourFile: string, args: readonly string[]): Promise<void> {
  const behaviour = JSON.parse(await readFile(behaviourFile, "utf8")) as Behaviour;
  await appendFile(
    behaviour.journal,
    `${JSON.stringify({ args, environment: Object.keys(process.env) })}\n`,
  );
  const starts = (await readFile(behaviour.journal, "utf8")).trim().split("\n").length;
  const isRpk = args[0] === "redpanda" && args[1] === "start";
  const flags = isRpk ? readFlags(args.slice(2), RPK_FLAGS) : readFlags(args, BROKER_FLAGS);
  if (flags.get("unsafe-bypass-fsync") !== "false") fail("fsync would be bypassed");
  checkMemory(flags, behaviour);
  if (starts > (behaviour.diesFromStart ?? Infinity)) {
    fail("Failure during startup: std::runtime_error (made up)");
  }
  if (behaviour.findsPortTaken === true && starts === 1) {
    fail(
      "Failure during startup: std::__1::system_error (error system:98, Address already in use)",
    );
  }

  const { data, ports } = await readConfiguration(
    flags.get(isRpk ? "config" : "redpanda-cfg") ?? "",
  );
  say("INFO", `Redpanda v26.2.4 (stand-in)`);
  const rpc = createServer().listen(ports.rpc, "127.0.0.1");
  rpc.on("error", (error) => fail(`Failure during startup: ${error.message}`));
  let ready = false;
  serveAdmin(ports.admin, () => ready);
  while (behaviour.holdFile !== undefined && await isThere(behaviour.holdFile)) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
  }
  await mkdir(data, { recursive: true });
  const broker = await startEmbeddedBroker({
    directory: join(data, "stand_in"),
    kafkaPort: ports.kafka,
    schemaRegistryPort: ports.registry,
  }).catch((error: unknown) =>
    fail(
      `Failure during startup: std::__1::system_error (error system:98, Address already in use) ${
        explain(error)
      }`,
    )
  );
  say("INFO", `Started Schema Registry listening at 127.0.0.1:${ports.registry}`);
  say("INFO", `Started Kafka API server listening at 127.0.0.1:${ports.kafka}`);
  ready = true;
  say("INFO", "Successfully started Redpanda!");

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, async () => {
      say("INFO", "Stopping...");
      if (behaviour.refusesToStop === true) return;
      await broker.stop();
      say("INFO", "Shutdown complete.");
      process.exit(0);
    });
  }
}

await main(process.argv[2] ?? "", process.argv.slice(3)).catch((error: unknown) =>
  fail(`Failure during startup: ${explain(error)}`)
);
