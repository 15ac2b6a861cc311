/**
 * compose.yaml and the Dockerfile on a real engine: what the stand-ins stand in for.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { projectOf, startDockerBroker } from "../../src/broker/redpanda.ts";
import { createKafka } from "../../src/events/kafka_client.ts";
import { proveRoundTrip } from "../../src/events/log_round_trip.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { until } from "../support/poll.ts";
import "./set_up.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BUILD_TIMEOUT_MS = 900_000;
const START_TIMEOUT_MS = 300_000;

const docker = (...args: string[]) => run("docker", args, { cwd: ROOT });
const missing = inject("noContainers");

describe.skipIf(missing !== null)("compose.yaml", () => {
  let dataDirectory: string;
  beforeAll(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), "gmn-compose-"));
  });
  afterAll(async () => {
    await docker("compose", "--project-name", projectOf(dataDirectory), "down", "--volumes");
    await rm(dataDirectory, { recursive: true, force: true });
  });

  const start = () =>
    startDockerBroker({
      dataDirectory,
      kafkaPort: 0,
      schemaRegistryPort: 0,
      memory: "1200M",
      observe: unobserved,
      signal: new AbortController().signal,
      proveLog: (brokers, signal) =>
        proveRoundTrip(createKafka({ brokers, clientId: "test" }, unobserved), signal),
    });

  test("Redpanda starts from it, durable, and keeps what it was given", async () => {
    const first = await start();
    const { stdout } = await docker(
      ...["compose", "--project-name", projectOf(dataDirectory), "exec", "redpanda"],
      ...["curl", "-fsS", "http://127.0.0.1:9644/v1/cluster_config?include_defaults=true"],
    );
    expect(JSON.parse(stdout)).toMatchObject({
      auto_create_topics_enabled: false,
      storage_min_free_bytes: 134217728,
      group_topic_partitions: 1,
      enable_metrics_reporter: false,
    });
    expect(String(JSON.parse(stdout).write_caching_default)).toBe("false");
    const admin = createKafka({ brokers: first.brokers, clientId: "test" }, unobserved).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "kept", numPartitions: 1 }] });
    await admin.disconnect();
    await first.stop();

    const second = await start();
    const again = createKafka({ brokers: second.brokers, clientId: "test" }, unobserved).admin();
    await again.connect();
    expect(await again.listTopics()).toContain("kept");
    await again.disconnect();
    await second.stop();
  }, START_TIMEOUT_MS);
});

describe.skipIf(missing !== null)("the image", () => {
  const name = `gmn-test-${randomUUID().slice(0, 8)}`;
  afterAll(async () => {
    await docker("rm", "--force", "--volumes", name).catch(() => {});
    await docker("image", "rm", "--force", name).catch(() => {});
  });

  test("is built, gets healthy on a Redpanda of its own, and stops in order", async () => {
    await docker("build", "--tag", name, ".");
    await docker(
      ...["run", "--detach", "--name", name, "--stop-timeout", "90"],
      ...["--env", "API_TOKEN=the token of a test", "--env", "GMN_DATA_URL=/data", name],
    );
    const inspect = async (format: string) =>
      (await docker("inspect", "--format", format, name)).stdout.trim();
    await until(
      "the image to be healthy",
      async () => await inspect("{{.State.Health.Status}}") === "healthy",
      START_TIMEOUT_MS,
    );
    const { stdout } = await docker("exec", name, "cat", "/data/broker.json");
    expect(JSON.parse(stdout)).toEqual({ kind: "redpanda" });
    await docker("stop", name);
    expect(await inspect("{{.State.ExitCode}}")).toBe("0");
  }, BUILD_TIMEOUT_MS + START_TIMEOUT_MS);
});
