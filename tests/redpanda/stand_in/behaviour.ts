/**
 * How the stand-in behaves, and an executable that is one.
 */
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { RedpandaProgram } from "@gmn/engines";

/** Read by the stand-in at each start. */
export interface Behaviour {
  /** Each start adds a line with its arguments and the names of its environment. */
  readonly journal: string;
  /** The admin API says `booting`, and no port is open, as long as this file is there. */
  readonly holdFile?: string;
  /** The first start that comes after so many dies (0: the first one does). */
  readonly diesFromStart?: number;
  /** Its first start finds a port taken, as when another program was faster. */
  readonly findsPortTaken?: boolean;
  /** Bytes that the machine has for it. */
  readonly availableMemory?: number;
  /** Says that it stops, and goes on. */
  readonly refusesToStop?: boolean;
}

/** An executable in `folder` that stands in for Redpanda. */
export interface StandIn {
  readonly program: RedpandaProgram;
  /** What each start was given. */
  starts(): Promise<{ args: string[]; environment: string[] }[]>;
  /** Changes how it behaves from the next start on. */
  behave(behaviour: Omit<Behaviour, "journal">): Promise<void>;
}

/** Which Deno runs a stand-in, and which copy of the project it belongs to. */
export interface Place {
  readonly deno: string;
  readonly root: string;
}

const HERE: Place = {
  deno: process.execPath,
  root: fileURLToPath(new URL("../../..", import.meta.url)),
};
/** The folder of this file, in the project. */
export const STAND_IN_FOLDER = "tests/redpanda/stand_in";

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Writes the executable, `redpanda` or `rpk`, into `folder`. */
export async function installStandIn(
  folder: string,
  behaviour: Omit<Behaviour, "journal"> = {},
  form: RedpandaProgram["form"] = "redpanda",
  place: Place = HERE,
): Promise<StandIn> {
  const path = join(folder, form);
  const file = join(folder, "behaviour.json");
  const journal = join(folder, "starts.jsonl");
  const behave = (next: Omit<Behaviour, "journal">) =>
    writeFile(file, JSON.stringify({ ...next, journal }));
  await behave(behaviour);
  await writeDenoProgram(path, `${STAND_IN_FOLDER}/redpanda.ts`, [file], place);
  return {
    program: { path, form },
    behave,
    async starts() {
      const text = await readFile(journal, "utf8").catch(() => "");
      return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
    },
  };
}

/** Writes an executable that runs the module `main` (a path in the project) with `args` and then its own arguments. */
export async function writeDenoProgram(
  path: string,
  main: string,
  args: readonly string[],
  { deno, root }: Place = HERE,
): Promise<void> {
  const denoDirectory = deno === HERE.deno ? process.env.DENO_DIR : undefined;
  const config = ["--config", join(root, "deno.json")];
  const words = [deno, "run", "--quiet", "-A", ...config, join(root, main), ...args];
  // Redpanda's own programs are shell scripts too, which become the broker: the process id stays.
  await writeFile(
    path,
    `#!/bin/sh\n${
      denoDirectory === undefined ? "" : `export DENO_DIR=${quoted(denoDirectory)}\n`
    }` +
      `exec ${words.map(quoted).join(" ")} "$@"\n`,
  );
  await chmod(path, 0o755);
}
