/**
 * A fresh clone of the project for one user, with its packages, and the user's own home with npm's and Deno's folders in it.
 */
import { execFile as execFileWithCallback } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { generateDataDirectory } from "../../sample/generate.ts";
import { freshClone } from "../support/fresh_clone.ts";

const execFile = promisify(execFileWithCallback);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** More days than the daily run looks back, with a moment's rows each. */
const SOURCE_DAYS = 12;
const METEORS_PER_DAY = 20;
/** The Deno that the README names. */
export const DENO = "deno@2.9.6";
/** How a task is started with npx, but for its name. */
export const NPX_TASK = ["npx", "--yes", DENO, "task"] as const;

/** A user of the operating system that the rows run as. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** This process's user. */
export const ME: User = {
  name: process.getuid?.() === 0 ? "root" : "an ordinary user",
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
};
/** Every Unix has `nobody`; on Debian its group is `nogroup`, with the same number. */
export const NOBODY: User = { name: "an ordinary user", uid: 65_534, gid: 65_534 };

/** The copy, and where this user may write. */
export interface ProjectCopy {
  readonly user: User;
  /** Everything of this copy is below it: processes are told by it. */
  readonly base: string;
  /** The project. */
  readonly project: string;
  /** A small data directory up to today: the daily run that a first start makes up for has files to read. */
  readonly source: string;
  /** The whole environment of a start, but for the settings. */
  readonly environment: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** What a start needs of our environment: where to find programs, and how to reach the registry. */
const PASSED_ON = /^(PATH|LANG|TERM|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|.*_proxy|.*_PROXY)$/;

/** Makes a copy for `user`. Its task `start:uncaught` is `start` that throws when it is asked to. */
export async function copyProject(user: User): Promise<ProjectCopy> {
  const clone = await freshClone();
  const { base, directory: project } = clone;
  const home = join(base, "home");
  await mkdir(home);
  // Not `deno install`: the packages would be fetched again for each user.
  await execFile("cp", ["-a", "--reflink=auto", join(ROOT, "node_modules"), project]);
  await addTaskThatThrows(join(project, "deno.json"));
  await copyNpxDeno(home);
  const source = join(base, "source");
  await generateDataDirectory({
    directory: source,
    seed: 7,
    lastDay: new Date(),
    days: SOURCE_DAYS,
    meteorsPerDay: METEORS_PER_DAY,
  });
  if (user.uid !== process.getuid?.()) {
    await execFile("chown", ["-R", `${user.uid}:${user.gid}`, project, home, source]);
    await execFile("chown", [`${user.uid}:${user.gid}`, base]);
  }
  const passedOn = Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && PASSED_ON.test(name) ? [[name, value] as const] : []
  );
  return {
    user,
    base,
    project,
    source,
    environment: { ...Object.fromEntries(passedOn), HOME: home },
    remove: async () => await clone[Symbol.asyncDispose](),
  };
}

async function addTaskThatThrows(file: string): Promise<void> {
  const configuration = JSON.parse(await readFile(file, "utf8")) as {
    tasks: Record<string, { description: string; command: string }>;
  };
  const { command } = configuration.tasks.start!;
  configuration.tasks["start:uncaught"] = {
    description: "start, and errors on request",
    command: command.replace(
      " deno run ",
      " deno run --preload=./tests/signals/throws_when_asked.ts ",
    ),
  };
  await writeFile(file, JSON.stringify(configuration));
}

/** Where this very Deno came from npx, the copy's npx finds it there; otherwise it fetches it. */
async function copyNpxDeno(home: string): Promise<void> {
  const [, cache, folder] = /^(.*\/_npx)\/([^/]+)\//.exec(process.execPath) ?? [];
  if (cache === undefined || folder === undefined) return;
  const to = join(home, ".npm", "_npx");
  await mkdir(to, { recursive: true });
  await execFile("cp", ["-a", "--reflink=auto", join(cache, folder), to]);
}

/** Path of the copied Deno program, for a stand-in that the user must be able to run. */
export function denoOf({ environment }: ProjectCopy): string {
  const [, cache] = /^(.*\/_npx)\//.exec(process.execPath) ?? [];
  if (cache === undefined) return process.execPath;
  return join(environment.HOME!, ".npm", "_npx", relative(cache, process.execPath));
}
