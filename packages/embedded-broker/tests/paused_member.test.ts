/**
 * A member whose process is stopped (SIGSTOP: like a sleeping laptop or a frozen container) is removed after its
 * session time-out. When it resumes, its requests are refused: it can't change the offsets of its successor.
 */
import { ErrorCode } from "@gmn/kafka-formats";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { commitOffset, committedOffset, heartbeat, joinGroup, syncGroup } from "./membership.ts";
import { RawClient } from "./testing/raw_client.ts";
import { TestBroker } from "./running.ts";

const SESSION_MS = 600;
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

function spawnMember(broker: string, group: string, topic: string) {
  const child = spawn(process.execPath, [
    "run",
    "-A",
    "--config",
    path("../../../deno.json"),
    path("./member_process.ts"),
    broker,
    group,
    topic,
    String(SESSION_MS),
  ], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  if (child.pid === undefined) throw new Error("the member did not start");
  return {
    child,
    pid: child.pid,
    says: async (): Promise<string> => (await lines.next()).value ?? "nothing more",
  };
}

test("a member that was paused is fenced when it resumes", async () => {
  const running = await TestBroker.start();
  const client = await RawClient.connect(running.address);
  await client.createTopic("t");
  const member = spawnMember(running.address, "g", "t");
  expect(await member.says()).toMatch(/^joined \S+ 1$/);

  // Not `child.kill`: Deno considers a child dead after any signal, and sends it no further ones.
  process.kill(member.pid, "SIGSTOP");
  // The successor waits until the paused member's session has expired.
  const idAnswer = await joinGroup(client, "g", "", SESSION_MS * 100);
  const successor = await joinGroup(client, "g", idAnswer.memberId, SESSION_MS * 100);
  expect(successor).toMatchObject({ errorCode: ErrorCode.NONE, generation: 2, members: 1 });
  await syncGroup(client, "g", successor.memberId, 2);
  expect(await commitOffset(client, "g", successor.memberId, 2, "t", 42)).toBe(ErrorCode.NONE);

  process.kill(member.pid, "SIGCONT");
  member.child.stdin.write("commit\n");
  const said = [await member.says(), await member.says()].sort();
  expect(said).toEqual([
    `committed ${ErrorCode.UNKNOWN_MEMBER_ID}`,
    `heartbeat ${ErrorCode.UNKNOWN_MEMBER_ID}`,
  ]);
  expect(await committedOffset(client, "g", "t")).toBe(42);
  expect(await heartbeat(client, "g", successor.memberId, 2)).toBe(ErrorCode.NONE);

  member.child.stdin.end();
  await once(member.child, "exit");
  client.close();
  await running.stop();
});
