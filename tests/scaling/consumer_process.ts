/**
 * Consumers as processes of their own, beside a service that has the broker.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { ServiceProcess } from "../crash/service_process.ts";

/** Where a process finds its engines. */
export interface Engines {
  readonly brokers: readonly string[];
  readonly schemaRegistryUrl: string;
  readonly databaseUrl: string;
}

/** The shortest that the settings allow: what dies is noticed after it. */
export const SESSION_MS = 6_000;

/** A process with these roles on engines that are elsewhere; `await using` ends it. */
export async function startProcess(
  roles: string,
  engines: Engines,
  settings: Record<string, string> = {},
  within: readonly string[] = [],
): Promise<RoleProcess> {
  const folder = await mkdtemp(join(tmpdir(), "gmn-role-"));
  const service = ServiceProcess.start({
    ROLES: roles,
    DATA_DIR: folder,
    KAFKA_BROKERS: engines.brokers.join(","),
    SCHEMA_REGISTRY_URL: engines.schemaRegistryUrl,
    DATABASE_URL: engines.databaseUrl,
    KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS),
    IAU_SHOWER_URL: "off",
    GMN_DATA_URL: "/nowhere",
    HTTP_PORT: "0",
    LOG_LEVEL: "debug",
    LOG_FORMAT: "json",
    ...settings,
  }, within);
  return new RoleProcess(service, folder);
}

export class RoleProcess implements AsyncDisposable {
  constructor(readonly service: ServiceProcess, private readonly folder: string) {}

  /** Partitions of the trajectories that it has now, as far as it has said. */
  partitions(): number[] {
    const assigned = new Set<number>();
    for (const line of this.service.said.split("\n")) {
      const event = /"event":"sink\.(assigned|revoked)"/.exec(line)?.[1];
      if (event === undefined) continue;
      const { topic, partition } = JSON.parse(line).detail;
      if (topic !== TRAJECTORY_SUMMARY_RAW.name) continue;
      if (event === "assigned") assigned.add(partition);
      else assigned.delete(partition);
    }
    return [...assigned].toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A frozen process takes no other signal.
    await this.service.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
