/** Every connection of a service to its engines is checked by the system when it is idle, from both sides. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { expect, test } from "vitest";
import { until } from "../support/poll.ts";
import { startTestService } from "../support/service.ts";

const hasSs = spawnSync("ss", ["--version"]).status === 0;

/** Established connections of this process: the port here, and what the system says of their timers. */
function connections(): { port: number; peer: number; text: string }[] {
  const { stdout } = spawnSync("ss", ["-Htnpo", "state", "established"], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line.includes(`pid=${process.pid},`)).map((line) => {
    const [, , here = "", there = ""] = line.trim().split(/\s+/);
    const portOf = (address: string) => Number(address.slice(address.lastIndexOf(":") + 1));
    return { port: portOf(here), peer: portOf(there), text: line };
  });
}

test.skipIf(!hasSs)(
  "connections to the broker and to PostgreSQL have keep-alive, on both ends",
  async () => {
    await using hub = await startTestService({ sample: null });
    const { brokers, databaseUrl } = hub.service.addresses;
    const ports = [...brokers.map((broker) => `http://${broker}`), databaseUrl]
      .map((url) => Number(new URL(url).port));
    // One with data on its way shows the timer of that, and no other.
    const seen = new Set<string>();
    const all = () =>
      connections().filter(({ port, peer }) => ports.includes(port) || ports.includes(peer));
    expect(all().length).toBeGreaterThan(5);
    await until("all have been seen with the timer", () => {
      const now = all();
      for (const { port, peer, text } of now) {
        if (text.includes("timer:(keepalive")) seen.add(`${port} ${peer}`);
      }
      return now.every(({ port, peer }) => seen.has(`${port} ${peer}`));
    });
    const [row] = await hub.database.sql<{ idle: string; silent: string }[]>`
    select current_setting('tcp_keepalives_idle') as idle, current_setting('tcp_user_timeout') as silent`;
    expect({ ...row }).toEqual({ idle: "15", silent: "30000" });
  },
);
