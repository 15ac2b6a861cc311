/**
 * Twenty cycles of `deno task chaos` in CI: sixteen all-in-one, four on Apache Kafka, as the documented command runs them; and its
 * canary, which shows that the checker sees a data store that is broken on purpose.
 *
 * CHAOS_SEED sets the seed. The default is always the same, so that CI does the same today as yesterday; the moments still differ.
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { kafkaJars } from "../clients/install/java.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SEED = process.env.CHAOS_SEED ?? "14";
/** Cycles take 4 to 8 seconds, a failing one a minute more. */
const TEST_MS = 300_000;

/** Runs `deno task chaos`; gives its exit code and all it said. */
async function chaos(args: readonly string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, ["task", "chaos", ...args], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => said += chunk);
  }
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, said };
}

test(
  `16 cycles of one process with its own engines, seed ${SEED}; the canary is seen`,
  async () => {
    const { code, said } = await chaos(
      ["--cycles", "16", "--seed", SEED, "--mode", "all-in-one", "--canary"],
    );
    expect(code, said).toBe(0);
    expect(said).toMatch(/canary: 9 of 9 seen/);
    expect(said).toMatch(/all-in-one: 16 cycles, 0 failures/);
  },
  TEST_MS,
);

test(`4 cycles of four processes on Apache Kafka, seed ${SEED}`, async (context) => {
  const missing = await kafkaJars().then(() => null, (error) => String(error).split("\n")[0]!);
  if (missing !== null) return context.skip(`no Apache Kafka: ${missing}`);
  const { code, said } = await chaos(["--cycles", "4", "--seed", SEED, "--mode", "split"]);
  expect(code, said).toBe(0);
  expect(said).toMatch(/split: 4 cycles, 0 failures/);
}, TEST_MS);
