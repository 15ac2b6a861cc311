/** `deno task log NAME`: what can be done with the log itself. Each command has a file of its own under `log/`. */
import process from "node:process";
import { type Command, EXIT, exitCodesHelp, runCommand } from "./command.ts";
import { tell } from "../service/print_failure.ts";

/** The commands, with the line that the help says of each. Loaded when they are asked for: each brings its own modules. */
const COMMANDS: Readonly<
  Record<string, { readonly about: string; readonly load: () => Promise<Command> }>
> = {
  status: {
    about: "which log this is, and whether it is the data store's",
    load: async () => (await import("./log/status.ts")).COMMAND,
  },
  verify: {
    about: "checks the whole log, by itself and against the data store",
    load: async () => (await import("./log/verify.ts")).COMMAND,
  },
  repair: {
    about: "publishes again what damaged ranges held, from the data store",
    load: async () => (await import("./log/repair.ts")).COMMAND,
  },
  copy: {
    about: "copies the log to another broker, and compares the two",
    load: async () => (await import("./log/copy.ts")).COMMAND,
  },
  refill: {
    about: "publishes into an undecided log what the data store has",
    load: async () => (await import("./log/refill.ts")).COMMAND,
  },
  adopt: {
    about: "accepts an undecided log as it is",
    load: async () => (await import("./log/adopt.ts")).COMMAND,
  },
  reread: {
    about: "accepts an undecided log; the source is read again into it",
    load: async () => (await import("./log/reread.ts")).COMMAND,
  },
};

const HELP = `What can be done with the log.

usage: deno task log NAME [options]    (deno task log NAME --help says more, and what its exit codes mean)

${Object.entries(COMMANDS).map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`).join("\n")}

${
  exitCodesHelp("done", "failed, or something is wrong", "no NAME, or a wrong one; wrong options")
}`;

async function main(args: readonly string[]): Promise<number> {
  // `deno task log -- NAME` passes the `--` on.
  const [name, ...rest] = args[0] === "--" ? args.slice(1) : args;
  if (name === undefined || name === "--help" || name === "-h") {
    tell(name === undefined ? process.stderr : process.stdout, HELP);
    return name === undefined ? EXIT.USAGE : EXIT.DONE;
  }
  const known = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (known === undefined) {
    tell(
      process.stderr,
      `log: there is no command ${JSON.stringify(name)}, only ${
        Object.keys(COMMANDS).join(", ")
      }; see deno task log --help\n`,
    );
    return EXIT.USAGE;
  }
  return await runCommand(await known.load(), rest);
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
