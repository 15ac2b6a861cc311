/**
 * A member of a consumer group in its own process, for a test that stops it with SIGSTOP. It sends each protocol request
 * explicitly, so that it does nothing else: it joins and heartbeats; a line on standard input makes it commit.
 *
 * usage: member_process.ts HOST:PORT GROUP TOPIC SESSION_TIMEOUT_MS
 * prints: joined MEMBER GENERATION · committed ERROR_CODE · heartbeat ERROR_CODE (when it is not 0)
 */
import process from "node:process";
import { commitOffset, heartbeat, joinGroup, syncGroup } from "./membership.ts";
import { RawClient } from "./testing/raw_client.ts";

const [broker, group, topic, session_ms] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);

const client = await RawClient.connect(broker);
const first = await joinGroup(client, group, "", Number(session_ms));
const { memberId, generation } = await joinGroup(client, group, first.memberId, Number(session_ms));
await syncGroup(client, group, memberId, generation);
say(`joined ${memberId} ${generation}`);

const beating = setInterval(async () => {
  const code = await heartbeat(client, group, memberId, generation);
  if (code === 0) return;
  say(`heartbeat ${code}`);
  clearInterval(beating);
}, Number(session_ms) / 10);

process.stdin.on("data", async () => {
  say(`committed ${await commitOffset(client, group, memberId, generation, topic, 666)}`);
});
process.stdin.on("end", () => process.exit());
