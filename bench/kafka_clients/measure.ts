/**
 * Measures one client in a separate process. Arguments: the client, the broker, the number of records, and how many of
 * them are sent beforehand as a warm-up.
 */
import process from "node:process";
import { measured } from "../pipeline/usage.ts";
import type { Contender } from "./contender.ts";
import { makePortions } from "./records.ts";

/** Only the measured client is loaded, because the patches change kafkajs for the whole process. */
const OPEN: Record<string, (address: string) => Promise<Contender>> = {
  "kafkajs-patched": async (address) =>
    await (await import("./patched_kafkajs.ts")).openPatchedKafkajs(address),
  "kafkajs-published": async (address) =>
    await (await import("./plain_kafkajs.ts")).openPlainKafkajs(address),
  "platformatic": async (address) =>
    await (await import("./platformatic.ts")).openPlatformatic(address),
};

const [name, address, records, warmUp] = process.argv.slice(2);
const client = await OPEN[name!]!(address!);
const portions = makePortions(Number(records));
await client.produce(makePortions(Number(warmUp)));
await measured(() => client.produce(portions));
portions.length = 0;
await measured(() => client.consume(Number(records) + Number(warmUp)));
await client.close();
process.exit(0);
