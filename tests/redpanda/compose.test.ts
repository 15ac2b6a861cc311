/**
 * compose.yaml says the same as the files of the child process, and Docker accepts it.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse } from "@std/yaml/parse.js";
import { redpandaArguments } from "@gmn/engines";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(`${ROOT}${path}`, "utf8");

interface Compose {
  services: Record<string, { image: string; ports: string[]; command?: string[] }>;
  configs: Record<string, { content: string }>;
}
const compose = parse(read("compose.yaml")) as Compose;

/** Properties whose values are addresses: those of a container are its own. */
const ADDRESSES = [
  "data_directory",
  "rpc_server",
  "advertised_rpc_api",
  "kafka_api",
  "advertised_kafka_api",
  "admin",
];

test("the container's node has the properties of the child process", () => {
  const template = parse(
    read("redpanda/redpanda.yaml").replaceAll(/\$\{[A-Z_]+\}/g, "1"),
  ) as Record<
    string,
    Record<string, unknown>
  >;
  const container = parse(
    compose.configs.redpanda!.content.replaceAll(/\$\{[A-Z_]+:-(\d+)\}/g, "$1"),
  ) as typeof template;
  expect(Object.keys(container)).toEqual(Object.keys(template));
  expect(Object.keys(container.redpanda!).toSorted()).toEqual(
    Object.keys(template.redpanda!).toSorted(),
  );
  for (const [name, value] of Object.entries(template.redpanda!)) {
    if (!ADDRESSES.includes(name)) expect([name, container.redpanda![name]]).toEqual([name, value]);
  }
});

test("the cluster's properties are the same", () => {
  expect(parse(compose.configs.bootstrap!.content)).toEqual(
    parse(read("redpanda/bootstrap.yaml")),
  );
});

test("the flags are the same", () => {
  const flags = redpandaArguments(
    { path: "/opt/redpanda/bin/redpanda", form: "redpanda" },
    "/etc/gmn-redpanda/redpanda.yaml",
    { memory: "${REDPANDA_MEMORY:-1200M}" },
  );
  expect(compose.services.redpanda!.command).toEqual(flags);
});

test("Redpanda is pinned by tag and digest, and nothing is published beyond this machine", () => {
  expect(compose.services.redpanda!.image).toMatch(/:v\d+\.\d+\.\d+@sha256:[0-9a-f]{64}$/);
  const published = Object.values(compose.services).flatMap(({ ports }) => ports);
  expect(published.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
});

/** Why `docker compose config` can't be asked here, or null. The engine is not needed for it. */
function missingCompose(): string | null {
  try {
    execFileSync("docker", ["compose", "version"], { stdio: "ignore" });
    return null;
  } catch {
    return "no docker with the compose plugin on this machine";
  }
}

const missing = missingCompose();
test.skipIf(missing !== null)(
  `docker compose accepts it${missing === null ? "" : ` (${missing})`}`,
  () => {
    const args = [
      "compose",
      "--project-directory",
      ROOT,
      "--profile",
      "*",
      "config",
      "--format",
      "json",
    ];
    const { services } = JSON.parse(execFileSync("docker", args, { encoding: "utf8" }));
    expect(Object.keys(services).toSorted()).toEqual(["console", "postgres", "redpanda"]);
  },
);
